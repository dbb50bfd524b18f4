import { describe, expect, test } from "bun:test";
import type { DoorCall } from "../../../../src/work/service/words/index.ts";
import { turns } from "../../wire/rpc/support.ts";
import { type FakeDoor, openApi, problem, USERS } from "./support.ts";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

describe("POST /rpc/{service}/{method}", () => {
  test("fetch() answers a contract's method with the plain output, or in the envelope it was asked in", async () => {
    const { send } = openApi();
    const plain = await send("POST", "/rpc/shop/buy", '{"id":"tea"}');
    expect([plain.status, await plain.json()]).toEqual([200, { bought: "tea", pieces: 1 }]);
    const wrapped = await send("POST", "/rpc/shop/buy", '{"method":"buy","params":{"id":"tea"},"id":"req-123"}');
    expect(await wrapped.text()).toBe('{"id":"req-123","result":{"bought":"tea","pieces":1}}');
  });

  test("fetch() takes an empty body as an input without fields", async () => {
    const { door, inputs, send } = openApi();
    expect((await send("POST", "/rpc/shop/list")).status).toBe(200);
    expect((await send("POST", "/rpc/users/get", "")).status).toBe(200);
    expect([inputs, Buffer.from(door.calls[0]!.params).toString()]).toEqual([[{}], "{}"]);
  });

  test("fetch() passes the bytes of a service's params and result on as they are", async () => {
    const { door, send } = openApi();
    const text = '{ "id":1, "big": 12345678901234567890 }';
    expect(await (await send("POST", "/rpc/users@1/get", text)).text()).toBe(text);
    const wrapped = await send("POST", "/rpc/users%401/get", `{"id":[1],"method":"get","params":${text}}`);
    expect(await wrapped.text()).toBe(`{"id":[1],"result":${text}}`);
    expect(door.calls.map(({ service, method, params }) => [service, method, Buffer.from(params).toString()])).toEqual([
      ["users@1", "get", text],
      ["users@1", "get", text],
    ]);
  });

  test("fetch() tells a service who asks, how long they wait, and to which trace they belong", async () => {
    const { door, send } = openApi();
    const headers = { authorization: "Bearer scoped", "deadline-ms": "250", traceparent: TRACE };
    await send("POST", "/rpc/users/get", "{}", headers);
    await send("POST", "/rpc/users/get", "{}", { traceparent: "nonsense" });
    const [first, second] = door.calls;
    expect(first).toMatchObject({
      caller: { kind: "outside", name: "a service", access: "none", scopes: ["users.get"] },
      timeoutMs: 250,
      traceparent: TRACE,
    });
    expect(second).toMatchObject({
      caller: { access: "operate", scopes: [] },
      timeoutMs: 60_000,
      traceparent: undefined,
    });
  });

  const refusals: readonly [string, string, string, Record<string, string>, number, string][] = [
    ["the service is not there", "/rpc/none/get", "{}", {}, 404, "service.not_found"],
    ["the method is not public", "/rpc/users/secret", "{}", {}, 403, "rpc.forbidden"],
    ["the contract has no such method", "/rpc/shop/steal", "{}", {}, 404, "rpc.unknown_method"],
    ["the caller's role is not enough", "/rpc/shop/fire", "{}", {}, 403, "rpc.forbidden"],
    ["the body is no JSON", "/rpc/users/get", "{", {}, 400, "rpc.bad_request"],
    ["a number is too large", "/rpc/users/get", '{"id":1e999}', {}, 400, "rpc.bad_request"],
    ["the body is compressed", "/rpc/users/get", "{}", { "content-encoding": "br" }, 415, "rpc.content_type"],
    ["the deadline is no number", "/rpc/users/get", "{}", { "deadline-ms": "-1" }, 400, "rpc.bad_request"],
    ["the deadline has passed", "/rpc/users/get", "{}", { "deadline-ms": "0" }, 504, "rpc.deadline_exceeded"],
    ["the path is malformed", "/rpc/users%ff/get", "{}", {}, 400, "rpc.bad_request"],
    ["the body is too large", "/rpc/users/get", `"${"x".repeat(1024 * 1024)}"`, {}, 413, "rpc.too_large"],
  ];
  for (const [when, path, body, headers, status, code] of refusals) {
    test(`fetch() answers ${status} when ${when}`, async () => {
      const response = await openApi().send("POST", path, body, headers);
      expect([response.status, (await problem(response)).code]).toEqual([status, code]);
    });
  }

  test("fetch() lets a connection stay silent when its call is long under way, and asks nothing of short ones", async () => {
    const { app, clock, door } = openApi();
    const patient: string[] = [];
    const ask = (name: string): Promise<Response> => {
      const headers = { authorization: "Bearer viewer" };
      const request = new Request("http://localhost/rpc/users/get", { method: "POST", headers, body: "{}" });
      return app.fetch(request, { patient: () => patient.push(name) });
    };
    const answer = Promise.withResolvers<Uint8Array>();
    door.call = () => answer.promise;
    const slow = ask("slow");
    await turns();
    clock.advance(10_000);
    const later = ask("later");
    await turns();
    clock.advance(10_000);
    expect(patient).toEqual(["slow"]);
    answer.resolve(Buffer.from("1"));
    await Promise.all([slow, later]);
    expect((await ask("short")).status).toBe(200);
    expect([patient, clock.timers]).toEqual([["slow"], 0]);
  });
});

describe("streams", () => {
  test("fetch() gives a stream line by line", async () => {
    const response = await openApi().send("POST", "/rpc/users/watch", "{}");
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    expect(await response.text()).toBe('{"item":0}\n{  "item": 1 }\n{"item":2}\n');
  });

  test("fetch() gives a stream as events when they are asked for", async () => {
    const response = await openApi().get("/users/7/events", "viewer", { accept: "text/event-stream" });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(await response.text()).toBe(
      'data: {"item":0}\n\ndata: {  "item": 1 }\n\ndata: {"item":2}\n\nevent: end\ndata: {}\n\n',
    );
  });

  test("fetch() answers with a problem when the stream fails before its first item", async () => {
    const response = await openApi().send("POST", "/rpc/users/watch", '{"fail":0}');
    expect([response.status, (await problem(response)).code]).toEqual([422, "users.gone"]);
  });

  test("fetch() tells the failure last when the stream fails on its way", async () => {
    const { send } = openApi();
    const lines = (await (await send("POST", "/rpc/users/watch", '{"fail":2}')).text()).trimEnd().split("\n");
    expect(lines.length).toBe(3);
    expect(JSON.parse(lines[2]!)).toMatchObject({ error: { code: "users.gone", status: 422, data: { item: 2 } } });
    const events = await send("POST", "/rpc/users/watch", '{"fail":1}', { accept: "text/event-stream" });
    expect(await events.text()).toMatch(/^data: \{"item":0\}\n\nevent: error\ndata: \{.*"code":"users.gone".*\}\n\n$/);
  });

  test("fetch() takes items as they are read, and ends the stream when the reader goes", async () => {
    const { door, send } = openApi();
    const response = await send("POST", "/rpc/users/watch", "{}");
    expect(door.taken).toBe(1); // the first one decides between an answer and a problem
    const reader = response.body!.getReader();
    await reader.read();
    expect(door.taken).toBeLessThanOrEqual(2);
    await reader.cancel();
    expect(door.isEnded).toBe(true);
  });
});

describe("streams nobody reads to their end", () => {
  const watch = (method: string, signal?: AbortSignal): Request =>
    new Request("http://localhost/users/7/events", {
      method,
      headers: { authorization: "Bearer viewer", accept: "text/event-stream" },
      ...(signal && { signal }),
    });

  test("fetch() ends a stream at once when only its headers are asked for", async () => {
    const { app, door } = openApi();
    const response = await app.fetch(watch("HEAD"), {});
    await turns();
    expect([response.status, response.headers.get("content-type"), response.body]).toEqual([
      200,
      "text/event-stream",
      null,
    ]);
    expect([door.taken, door.isEnded]).toEqual([1, true]);
    expect(door.calls[0]!.signal?.aborted).toBe(true);
  });

  test("fetch() ends a stream when the caller goes, before its first item and after it", async () => {
    for (const isSilent of [true, false]) {
      const { app, door } = openApi();
      if (isSilent) door.stream = silentStream(door);
      const caller = new AbortController();
      const answered = app.fetch(watch("GET", caller.signal), {});
      await turns();
      expect(door.isEnded).toBe(false);
      caller.abort();
      await answered;
      await turns();
      expect([isSilent, door.isEnded, door.calls[0]!.signal?.aborted]).toEqual([isSilent, true, true]);
    }
  });

  test("fetch() tells the method of a silent stream that its reader has gone", async () => {
    const { app, clock, door } = openApi();
    door.stream = silentStream(door, "1");
    const reader = (await app.fetch(watch("GET"), {})).body!.getReader();
    await reader.read();
    const under = reader.read();
    await turns();
    await reader.cancel();
    expect((await under).done).toBe(true);
    await turns();
    expect([door.isEnded, clock.timers]).toEqual([true, 0]);
  });

  test("fetch() lets the connection of a stream be silent, and sends events that mean nothing meanwhile", async () => {
    const { app, clock, door } = openApi();
    let patient = 0;
    door.stream = silentStream(door, "1");
    const response = await app.fetch(watch("GET"), { patient: () => patient++ });
    expect(patient).toBe(1);
    const reader = response.body!.getReader();
    const read = async (): Promise<string> => Buffer.from((await reader.read()).value!).toString();
    expect(await read()).toBe("data: 1\n\n");
    for (let beat = 0; beat < 2; beat++) {
      const next = read();
      await turns();
      clock.advance(15_000);
      expect(await next).toBe(":\n\n");
    }
    for (let beat = 0; beat < 5; beat++) clock.advance(15_000); // nobody reads: one waits, no more
    expect(await read()).toBe(":\n\n");
    const next = read();
    await turns();
    clock.advance(1);
    await reader.cancel();
    await expect(next).rejects.toThrow();
  });
});

/** Gives the items, then nothing until the signal ends it. */
function silentStream(door: FakeDoor, ...items: readonly string[]) {
  return async function* (call: DoorCall): AsyncGenerator<Uint8Array> {
    door.calls.push(call);
    try {
      for (const item of items) yield Buffer.from(item);
      await new Promise((_, reject) => call.signal?.addEventListener("abort", () => reject(call.signal!.reason)));
    } finally {
      door.isEnded = true;
    }
  };
}

describe("endpoints of services", () => {
  test("fetch() makes path, body and query params of the method, the path first", async () => {
    const { door, get, send } = openApi();
    expect(await (await get("/users/7?full=true&name=12&id=9", "viewer")).json()).toEqual({
      id: 7,
      full: true,
      name: "12",
    });
    expect(await (await send("PUT", "/users/8?name=a&full=false", '{"name":"b","id":1}')).json()).toEqual({
      id: 8,
      name: "b",
      full: false,
    });
    expect(door.calls.map(({ service, method }) => `${service}.${method}`)).toEqual([
      "users@1.2.0.get",
      "users@1.2.0.update",
    ]);
  });

  test("fetch() prefers words to params, and the API's own paths to both", async () => {
    const { door, get, warnings } = openApi();
    await get("/users/me", "viewer");
    expect(door.calls.map(({ method }) => method)).toEqual(["me"]);
    expect(((await (await get("/things", "viewer")).json()) as { things: unknown[] }).things.length).toBe(7);
    await get("/users/me", "viewer");
    expect(warnings).toEqual(["endpoint GET /things of users@1.2.0 is not served: the node itself answers there"]);
  });

  test("fetch() serves no endpoint at a path that is answered without a token, whatever the verb", async () => {
    const { app, door, send, warnings } = openApi();
    const endpoints = [
      { verb: "POST", path: "/health" },
      { verb: "DELETE", path: "/.well-known/keys" },
    ] as const;
    door.description = { ...USERS, methods: { me: { ...USERS.methods.me!, endpoints } } };
    for (const { path, verb: method } of endpoints) {
      expect((await app.fetch(new Request(`http://localhost${path}`, { method }), {})).status).toBe(401);
      expect((await send(method, path)).status).toBe(405);
    }
    expect([door.calls.length, warnings.length]).toEqual([0, 2]);
  });

  test("fetch() serves the endpoints of today when services change", async () => {
    const { door, get } = openApi();
    expect((await get("/users/7", "viewer")).status).toBe(200);
    const { get: method } = door.description.methods;
    const moved = { ...method!, endpoints: [{ verb: "GET", path: "/people/:id" }] as const };
    door.description = { ...door.description, methods: { get: moved } };
    expect((await get("/people/7", "viewer")).status).toBe(404);
    door.revision++;
    expect((await get("/people/7", "viewer")).status).toBe(200);
    expect((await get("/users/7", "viewer")).status).toBe(404);
  });

  test("fetch() serves no endpoint whose path could be a pattern", async () => {
    const { door, get, warnings } = openApi();
    const { get: method } = door.description.methods;
    const paths = ["/a/:id{(a+)+}", "/b/*", "/c?", "no-slash", "/", `/${"x/".repeat(20)}`];
    const endpoints = paths.map((path) => ({ verb: "GET", path }) as const);
    door.description = { ...door.description, methods: { get: { ...method!, endpoints } } };
    expect((await get("/b/anything", "viewer")).status).toBe(404);
    expect(warnings.length).toBe(paths.length);
  });
});

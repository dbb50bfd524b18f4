/** HTTP/JSON clients before gRPC upstreams. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { BodySink } from "../../../../../src/wire/http/index.ts";
import {
  binaryOf,
  frameMessage,
  jsonOfMessage,
  messageOfBinary,
  messageOfJson,
} from "../../../../../src/wire/protobuf/index.ts";
import { LIBRARY, load } from "../../../wire/protobuf/protos.ts";
import { GONE, Rig, TestBody, type TestCall } from "./fakes.ts";

const store = await load({ "library.proto": LIBRARY });
const GRPC = ["content-type", "application/grpc"];

function encoded(type: string, json: unknown): Uint8Array {
  const desc = store.message(`library.v1.${type}`)!;
  return frameMessage(binaryOf(desc, messageOfJson(desc, JSON.stringify(json), { registry: store.registry })));
}

/** The messages that reached the upstream. */
function received(call: TestCall, type: string): unknown[] {
  const desc = store.message(`library.v1.${type}`)!;
  const all: unknown[] = [];
  for (let bytes = call.body.bytes; bytes.length > 0; ) {
    const length = bytes.readUInt32BE(1);
    all.push(JSON.parse(jsonOfMessage(desc, messageOfBinary(desc, bytes.subarray(5, 5 + length)), store.registry)));
    bytes = bytes.subarray(5 + length);
  }
  return all;
}

/** One after the other. */
function inTurn(sink: BodySink, ...steps: readonly ((sink: BodySink) => unknown)[]): void {
  for (const step of steps) step(sink);
}

const book = encoded("Book", { name: "b", title: "t" });

describe("convertJson()", () => {
  test("asks with the message and answers with JSON when a call is unary", () => {
    const rig = new Rig({ store });
    const exchange = rig.post("/library.v1.Library/Get", `{"name":"x","parts":[1]}`, [
      "authorization",
      "Bearer t",
      "x-request-timeout",
      "250ms",
      "grpc-status",
      "0",
    ]);
    const { call } = rig.upstream;
    expect([call.request.head.method, call.request.head.target, received(call, "GetBook")]).toEqual([
      "POST",
      "/library.v1.Library/Get",
      [{ name: "x", parts: [1] }],
    ]);
    expect(
      ["content-type", "te", "authorization", "grpc-timeout", "grpc-status", "x-request-timeout"].map((name) =>
        call.header(name),
      ),
    ).toEqual(["application/grpc", "trailers", "Bearer t", "250000u", undefined, undefined]);
    const sink = call.answer([...GRPC, "x-meta", "1"]);
    sink.write(book.subarray(0, 3));
    sink.write(book.subarray(3));
    expect(exchange.status).toBeUndefined();
    sink.end(["grpc-status", "0", "x-tail", "2"]);
    expect([
      exchange.status,
      exchange.json,
      exchange.header("content-type"),
      exchange.header("x-meta"),
      exchange.header("x-tail"),
    ]).toEqual([200, { name: "b", title: "t" }, "application/json", "1", "2"]);
    expect(rig.converter.counts().begun["json-grpc"]).toBe(1);
  });

  const MAPPED: readonly (readonly [
    method: string,
    target: string,
    body: string,
    path: string,
    type: string,
    message: unknown,
  ])[] = [
    [
      "GET",
      "/v1/books/x%20y?deep=true&parts=1&parts=2&shelf.theme=a+b&kind=NOVEL&sold=false",
      "",
      "Get",
      "GetBook",
      { name: "x y", deep: true, parts: [1, 2], shelf: { theme: "a b" }, kind: "NOVEL", sold: false },
    ],
    ["GET", "/v1/shelves/1/books/2", "", "Get", "GetBook", { name: "shelves/1/books/2" }],
    [
      "PATCH",
      "/v1/shelves/7?force=true",
      `{"title":"t","pages":"12345678901234567"}`,
      "Put",
      "PutBook",
      { book: { name: "shelves/7", title: "t", pages: "12345678901234567" }, force: true },
    ],
    [
      "PATCH",
      "/v1/shelves/7",
      `{"pages":12345678901234567}`,
      "Put",
      "PutBook",
      { book: { name: "shelves/7", pages: "12345678901234567" } },
    ],
    ["POST", "/v1/books:create", `{"title":"t"}`, "Create", "Book", { title: "t" }],
    ["POST", "/library.v1.Library/Get", "", "Get", "GetBook", {}],
    ["GET", "/library.v1.Library/Safe?name=q", "", "Safe", "GetBook", { name: "q" }],
    ["HEAD", "/v1/heads/q", "", "Head", "GetBook", { name: "q" }],
  ];
  test.each(MAPPED)("maps %s %s", (method, target, body, path, type, message) => {
    const rig = new Rig({ store });
    rig.send(method, target, ["content-type", "application/json"], new TestBody(body === "" ? [] : [body]));
    expect([rig.upstream.call.request.head.target, received(rig.upstream.call, type)]).toEqual([
      `/library.v1.Library/${path}`,
      [message],
    ]);
  });

  const REFUSED: readonly (readonly [method: string, target: string, body: string, status: number, says: string])[] = [
    ["POST", "/library.v1.Library/Get", `{"name":"x","nmae":1}`, 400, "nmae"],
    ["POST", "/library.v1.Library/Get", `{"shelf":{"colour":1}}`, 400, "shelf.colour"],
    ["POST", "/library.v1.Library/Get", `{`, 400, "JSON"],
    ["POST", "/library.v1.Library/Get", `{"name":1}`, 400, "name"],
    ["POST", "/library.v1.Library/Get?name=x", `{"deep":true}`, 400, "name=x"],
    ["POST", "/library.v1.Library/Get", `{"name":"a","name":"b"}`, 400, "duplicate"],
    ["PATCH", "/v1/shelves/7", `{"title":"a","title":"b"}`, 400, "duplicate"],
    ["PATCH", "/v1/shelves/7", `{"titel":"a"}`, 400, "book.titel"],
    ["GET", "/v1/books/x?nothing=1", "", 400, "nothing"],
    ["GET", "/v1/books/x?deep=1", "", 400, "deep"],
    ["GET", "/v1/books/x?name=y", "", 400, "name"],
    ["GET", "/v1/books/x", `{"deep":true}`, 400, "parameters"],
    ["GET", "/v1/books/x?deep=%ff", "", 400, "query"],
    ["GET", "/library.v1.Library/Get", "", 405, "POST"],
    ["DELETE", "/v1/books/x", "", 405, "GET"],
    ["POST", "/library.v1.Library/Nothing", "{}", 404, "names no method"],
    ["POST", "/", "{}", 404, "names no method"],
  ];
  test.each(REFUSED)("refuses %s %s %s and asks nobody", (method, target, body, status, says) => {
    const rig = new Rig({ store });
    const exchange = rig.send(method, target, [], new TestBody(body === "" ? [] : [body]));
    expect([exchange.status, rig.upstream.calls.length]).toEqual([status, 0]);
    expect((exchange.json as { error: { message: string } }).error.message).toContain(says);
    expect(rig.converter.counts().failed["json-grpc"]).toBe(1);
  });

  const PUT = "/v1/shelves/1";

  test.each([
    ["another value", PUT, `{"name":"shelves/2"}`, "book.name"],
    ["one in a list beside one in the query", `${PUT}?book.tags=b`, `{"tags":["a"]}`, "book.tags"],
    ["one in a message within", `${PUT}?book.shelf.row=1`, `{"shelf":{"theme":"a","row":2}}`, "book.shelf.row"],
  ])("refuses a field that path or query give when the body gives it %s", (_what, target, body, name) => {
    const rig = new Rig({ store });
    const exchange = rig.send("PATCH", target, [], new TestBody([body]));
    expect([exchange.status, rig.upstream.calls.length, rig.blamed]).toEqual([400, 0, ["gateway.convert_unexpected"]]);
    expect(JSON.stringify(exchange.json)).toContain(name);
  });

  test.each([
    ["the same value", PUT, `{"name":"shelves/1","title":"t"}`],
    ["the same in other words", `${PUT}?book.kind=NOVEL&book.pages=5`, `{"kind":1,"pages":"5"}`],
    ["nothing of its own", PUT, `{"name":"","shelf":null}`],
    ["others", `${PUT}?book.shelf.row=1`, `{"shelf":{"theme":"a"}}`],
  ])("takes a field of path or query when the body gives it %s", (_what, target, body) => {
    const rig = new Rig({ store });
    rig.send("PATCH", target, [], new TestBody([body]));
    expect(received(rig.upstream.call, "PutBook")).toMatchObject([{ book: { name: "shelves/1" } }]);
  });

  test("asks a field for its own value where it stands beside one that a message needs (proto2)", async () => {
    const needy = await load({
      "needy.proto": `syntax = "proto2"; package n; import "google/api/annotations.proto";
        message Q { optional string id = 1; required string need = 2; }
        service S { rpc Put(Q) returns (Q) { option (google.api.http) = { put: "/q/{id}" body: "*" }; } }`,
    });
    const asked = (body: string): Rig => {
      const rig = new Rig({ store: needy });
      rig.send("PUT", "/q/5", [], new TestBody([body]));
      return rig;
    };
    expect(asked(`{"id":"5","need":"x"}`).upstream.calls.length).toBe(1);
    expect(asked(`{"id":"6","need":"x"}`).blamed).toEqual(["gateway.convert_unexpected"]);
  });

  test("refuses what a web page may send unasked when it is no JSON by its name", () => {
    const headers = ["origin", "https://evil.example", "content-type", "text/plain"];
    const rig = new Rig({ store });
    const exchange = rig.send("POST", "/library.v1.Library/Get", headers, new TestBody([`{"name":"x"}`]));
    expect([exchange.status, rig.upstream.calls.length]).toEqual([415, 0]);
  });

  test("names the methods that are allowed when another was used", () => {
    expect(new Rig({ store }).send("DELETE", "/v1/books/x").header("allow")).toBe("GET");
  });

  test("counts unknown fields and parameters when the route says so", () => {
    const rig = new Rig({ store, plan: { unknownFields: "count" } });
    rig.post("/library.v1.Library/Get", `{"name":"x","nmae":1,"shelf":{"colour":1}}`);
    rig.send("GET", "/v1/books/x?nothing=1&deep=true");
    expect(rig.upstream.calls.map((call) => received(call, "GetBook"))).toEqual([
      [{ name: "x", shelf: {} }],
      [{ name: "x", deep: true }],
    ]);
    expect(rig.dropped).toEqual(["request nmae", "request shelf.colour", "request ?nothing"]);
  });

  test("counts what a reply holds and no descriptor knows", () => {
    const rig = new Rig({ store });
    rig.post("/library.v1.Library/Get", "{}");
    const sink = rig.upstream.call.answer();
    sink.write(frameMessage(new Uint8Array([0xc0, 0x3e, 1])));
    sink.end(["grpc-status", "0"]);
    expect(rig.dropped).toEqual(["reply #1000"]);
  });

  test("refuses a body when it is larger than a message may be, before it has come", () => {
    const rig = new Rig({ store, plan: { messageBytesMax: 10 } });
    const body = new TestBody();
    const exchange = rig.send("POST", "/library.v1.Library/Get", [], body);
    body.sink!.write(new Uint8Array(11));
    expect([exchange.status, body.cancelled?.code, rig.upstream.calls.length]).toEqual([
      413,
      "gateway.body_too_large",
      0,
    ]);
  });

  test("answers with the field when the rule has a response_body", () => {
    const rig = new Rig({ store });
    const exchange = rig.send("GET", "/v1/files/a/b");
    const sink = rig.upstream.call.answer();
    sink.write(encoded("Books", { books: [{ name: "1" }], next: "n" }));
    sink.end(["grpc-status", "0"]);
    expect(exchange.json).toEqual([{ name: "1" }]);
  });

  const FAILED: readonly (readonly [what: string, answer: (call: TestCall) => void, status: number, name: string])[] = [
    [
      "a status in the head",
      (call) => call.answer([...GRPC, "grpc-status", "5", "grpc-message", "no%20book"]).end(),
      404,
      "NOT_FOUND",
    ],
    ["a status in the trailers", (call) => call.answer().end(["grpc-status", "8"]), 429, "RESOURCE_EXHAUSTED"],
    [
      "a status after a message",
      (call) =>
        inTurn(
          call.answer(),
          (sink) => sink.write(book),
          (sink) => sink.end(["grpc-status", "10"]),
        ),
      409,
      "ABORTED",
    ],
    [
      "no status",
      (call) =>
        inTurn(
          call.answer(),
          (sink) => sink.write(book),
          (sink) => sink.end(),
        ),
      500,
      "INTERNAL",
    ],
    ["OK without a message", (call) => call.answer().end(["grpc-status", "0"]), 500, "INTERNAL"],
    [
      "two messages",
      (call) =>
        inTurn(
          call.answer(),
          (sink) => sink.write(book),
          (sink) => sink.write(book),
        ),
      500,
      "INTERNAL",
    ],
    [
      "a message that is none",
      (call) =>
        inTurn(
          call.answer(),
          (sink) => sink.write(frameMessage(new Uint8Array([0xff]))),
          (sink) => sink.end(["grpc-status", "0"]),
        ),
      500,
      "INTERNAL",
    ],
    [
      "half a frame",
      (call) =>
        inTurn(
          call.answer(),
          (sink) => sink.write(book.subarray(0, 7)),
          (sink) => sink.end(["grpc-status", "0"]),
        ),
      500,
      "INTERNAL",
    ],
    [
      "a message that is too large",
      (call) => call.answer().write(new Uint8Array([0, 9, 0, 0, 0])),
      502,
      "RESOURCE_EXHAUSTED",
    ],
    ["an unknown compression", (call) => void call.answer([...GRPC, "grpc-encoding", "br"]), 500, "INTERNAL"],
    ["a reply that is no gRPC", (call) => void call.answer(["content-type", "text/html"]), 500, "UNKNOWN"],
    ["HTTP 503", (call) => void call.answer(["content-type", "text/html"], 503), 503, "UNAVAILABLE"],
    ["HTTP 404", (call) => void call.answer([], 404), 501, "UNIMPLEMENTED"],
    [
      "a broken connection",
      (call) => call.answer().abort(new Failure("gateway.upstream_closed", "10.0.0.1 went")),
      503,
      "UNAVAILABLE",
    ],
    [
      "no connection",
      (call) => call.events.onFailure(new Failure("gateway.connect_failed", "10.0.0.1:80 refused"), true),
      503,
      "UNAVAILABLE",
    ],
    [
      "no time",
      (call) => call.events.onFailure(new Failure("gateway.upstream_timeout", "10.0.0.1 slow"), false),
      504,
      "DEADLINE_EXCEEDED",
    ],
  ];
  test.each(FAILED)("answers with the status of HTTP when there is %s", (_, answer, status, name) => {
    const rig = new Rig({ store });
    const exchange = rig.post("/library.v1.Library/Get", "{}");
    answer(rig.upstream.call);
    const { error } = exchange.json as { error: { status: string; message: string } };
    expect([exchange.status, error.status]).toEqual([status, name]);
    expect(error.message).not.toContain("10.0.0.1");
    expect(exchange.header("content-type")).toBe("application/json");
  });

  test("cancels the call when the client goes", () => {
    const rig = new Rig({ store });
    const exchange = rig.post("/library.v1.Library/Get", "{}");
    exchange.onGone!(GONE);
    expect(rig.upstream.call.cancelled).toBe(GONE);
    rig.upstream.call.answer();
    expect([exchange.status, rig.upstream.call.reply.cancelled?.code]).toEqual([undefined, "gateway.convert_over"]);
  });
});

describe("convertJson() with streams of the server", () => {
  function watching(accept: string): {
    rig: Rig;
    exchange: ReturnType<Rig["post"]>;
    sink: ReturnType<TestCall["answer"]>;
  } {
    const rig = new Rig({ store });
    const exchange = rig.post("/library.v1.Library/Watch", "{}", ["accept", accept]);
    return { rig, exchange, sink: rig.upstream.call.answer() };
  }

  test.each([
    ["application/x-ndjson", `{"name":"b","title":"t"}\n{"name":"b","title":"t"}\n`],
    [
      "text/event-stream",
      `data: {"name":"b","title":"t"}\n\ndata: {"name":"b","title":"t"}\n\nevent: end\ndata: {}\n\n`,
    ],
  ])("gives messages as they come when the client accepts %s", (accept, text) => {
    const { exchange, sink } = watching(accept);
    expect(exchange.status).toBeUndefined();
    sink.write(book);
    expect([exchange.status, exchange.header("content-type")]).toEqual([200, accept]);
    sink.write(book);
    sink.end(["grpc-status", "0"]);
    expect([exchange.sink!.bytes.toString(), exchange.sink!.trailers]).toEqual([text, ["grpc-status", "0"]]);
  });

  test.each([
    ["application/x-ndjson", `{"error":{"code":14,"status":"UNAVAILABLE","message":"gone"}}\n`],
    ["text/event-stream", `event: error\ndata: {"error":{"code":14,"status":"UNAVAILABLE","message":"gone"}}\n\n`],
  ])("tells the failure last when it comes after messages (%s)", (accept, last) => {
    const { exchange, rig, sink } = watching(accept);
    sink.write(book);
    sink.end(["grpc-status", "14", "grpc-message", "gone"]);
    expect(Buffer.from(exchange.sink!.chunks.at(-1)!).toString()).toBe(last);
    expect([exchange.sink!.trailers, rig.converter.counts().failed["json-grpc"]]).toEqual([
      ["grpc-status", "14", "grpc-message", "gone"],
      1,
    ]);
  });

  test("answers with the status of HTTP when the failure comes first, and with an empty stream when there is nothing", () => {
    const failed = watching("application/x-ndjson");
    failed.sink.end(["grpc-status", "7"]);
    expect(failed.exchange.status).toBe(403);
    const empty = watching("application/x-ndjson");
    empty.sink.end(["grpc-status", "0"]);
    expect([empty.exchange.status, empty.exchange.sink!.bytes.length]).toEqual([200, 0]);
  });

  test("holds the upstream back when the client takes no more, and goes on when it does", () => {
    const { exchange, sink } = watching("application/x-ndjson");
    expect(sink.write(book)).toBe(true);
    exchange.sink!.takesMore = false;
    let resumed = 0;
    sink.onReady = () => resumed++;
    expect(sink.write(book)).toBe(false);
    exchange.sink!.onReady!();
    expect(resumed).toBe(1);
  });

  test("cancels the call when the client wants no more", () => {
    const { exchange, rig, sink } = watching("application/x-ndjson");
    sink.write(book);
    exchange.sink!.onCancel!(GONE);
    expect(rig.upstream.call.cancelled).toBe(GONE);
  });
});

describe("convertJson() with streams of the client", () => {
  test("sends each line on as it comes when the body is NDJSON", () => {
    const rig = new Rig({ store });
    const body = new TestBody();
    const exchange = rig.send("POST", "/library.v1.Library/Upload", ["content-type", "application/x-ndjson"], body);
    body.sink!.write(Buffer.from(`{"name":"1"}\n{"na`));
    expect(received(rig.upstream.call, "Book")).toEqual([{ name: "1" }]);
    body.sink!.write(Buffer.from(`me":"2"}\n\n{"name":"3"}`));
    body.sink!.end();
    expect([received(rig.upstream.call, "Book"), rig.upstream.call.body.isEnded]).toEqual([
      [{ name: "1" }, { name: "2" }, { name: "3" }],
      true,
    ]);
    const sink = rig.upstream.call.answer();
    sink.write(encoded("Books", { next: "n" }));
    sink.end(["grpc-status", "0"]);
    expect(exchange.json).toEqual({ next: "n" });
  });

  test("sends each element when the body is an array", () => {
    const rig = new Rig({ store });
    rig.post("/library.v1.Library/Upload", `[{"name":"1","pages":12345678901234567},{"name":"2"}]`);
    expect(received(rig.upstream.call, "Book")).toEqual([{ name: "1", pages: "12345678901234567" }, { name: "2" }]);
  });

  test("breaks the call off when a line is no message", () => {
    const rig = new Rig({ store });
    const exchange = rig.send(
      "POST",
      "/library.v1.Library/Upload",
      ["content-type", "application/x-ndjson"],
      new TestBody([`{"name":"1"}\n{"nmae":"2"}\n`]),
    );
    expect([exchange.status, rig.upstream.call.cancelled?.code]).toEqual([400, "protobuf.unknown_field"]);
  });

  test("answers and reads no more when the upstream ends early", () => {
    const rig = new Rig({ store });
    const body = new TestBody();
    const exchange = rig.send("POST", "/library.v1.Library/Upload", ["content-type", "application/x-ndjson"], body);
    rig.upstream.call.answer([...GRPC, "grpc-status", "16"]).end();
    expect([exchange.status, body.cancelled?.code]).toEqual([401, "gateway.convert_over"]);
  });

  test("holds the client back when the upstream takes no more", () => {
    const rig = new Rig({ store });
    const body = new TestBody();
    rig.send("POST", "/library.v1.Library/Upload", ["content-type", "application/x-ndjson"], body);
    rig.upstream.call.body.takesMore = false;
    expect(body.sink!.write(Buffer.from(`{"name":"1"}\n`))).toBe(false);
    let resumed = 0;
    body.sink!.onReady = () => resumed++;
    rig.upstream.call.body.onReady!();
    expect(resumed).toBe(1);
  });
});

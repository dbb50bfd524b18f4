/** gRPC and gRPC-web clients: before gRPC and HTTP upstreams, and before the gateway itself. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import {
  binaryOf,
  decodeReflectionReply,
  encodeReflectionRequest,
  frameMessage,
  jsonOfMessage,
  messageOfBinary,
  messageOfJson,
  type ReflectionRequest,
} from "../../../../../src/wire/protobuf/index.ts";
import { LIBRARY, load } from "../../../wire/protobuf/protos.ts";
import { readWebTrailers } from "../../../wire/protobuf/web-trailers.ts";
import { GONE, Rig, TestBody, type TestExchange } from "./fakes.ts";

const store = await load({ "library.proto": LIBRARY });
const GRPC = ["content-type", "application/grpc"];

function encoded(type: string, json: unknown): Uint8Array {
  const desc = store.message(`library.v1.${type}`)!;
  return frameMessage(binaryOf(desc, messageOfJson(desc, JSON.stringify(json), { registry: store.registry })));
}

function frames(bytes: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let rest = Buffer.from(bytes); rest.length > 0; ) {
    const length = rest.readUInt32BE(1);
    all.push(rest.subarray(5, 5 + length));
    rest = rest.subarray(5 + length);
  }
  return all;
}

function books(exchange: TestExchange): unknown[] {
  const desc = store.message("library.v1.Book")!;
  return frames(exchange.sink?.bytes ?? new Uint8Array(0)).map((one) =>
    JSON.parse(jsonOfMessage(desc, messageOfBinary(desc, one), store.registry)),
  );
}

/** `grpc-status` wherever it stands. */
function statusOf(exchange: TestExchange): string | undefined {
  const trailers = exchange.sink?.trailers ?? [];
  const at = trailers.indexOf("grpc-status");
  return at < 0 ? exchange.header("grpc-status") : trailers[at + 1];
}

const ask = encoded("GetBook", { name: "shelves/1/books/2", deep: true });

describe("kindOf()", () => {
  test("leaves gRPC to gRPC and HTTP to HTTP alone, and everything when it is off", () => {
    const { converter } = new Rig({ store });
    const head = { method: "POST", target: "/a.B/C", scheme: "http", authority: "", version: "2" } as const;
    const grpc = { ...head, headers: GRPC };
    const json = { ...head, headers: ["content-type", "application/json"] };
    expect([converter.kindOf(grpc, "grpc"), converter.kindOf(json, "http"), converter.kindOf(json, "grpcs")]).toEqual([
      undefined,
      undefined,
      "json-grpc",
    ]);
    expect(new Rig({ store, plan: { mode: "off" } }).converter.kindOf(json, "grpc")).toBeUndefined();
    expect(new Rig({ store, plan: { mode: "grpc-json" } }).converter.kindOf(grpc, "http")).toBe("grpc-json");
  });
});

describe("convertGrpcWeb()", () => {
  test("passes frames on and puts the trailers into the last one", () => {
    const rig = new Rig();
    const exchange = rig.send(
      "POST",
      "/library.v1.Library/Get",
      ["content-type", "application/grpc-web+proto", "x-grpc-web", "1"],
      new TestBody([ask]),
    );
    const { call } = rig.upstream;
    expect([call.header("content-type"), call.header("te"), call.header("x-grpc-web"), call.body.bytes]).toEqual([
      "application/grpc+proto",
      "trailers",
      undefined,
      Buffer.from(ask),
    ]);
    const sink = call.answer([...GRPC, "x-meta", "1"]);
    sink.write(encoded("Book", { name: "b" }));
    sink.end(["grpc-status", "0", "x-tail", "2"]);
    const [message, trailers] = frames(exchange.sink!.bytes);
    expect([message!.length > 0, readWebTrailers(trailers!), exchange.sink!.isEnded]).toEqual([
      true,
      ["grpc-status", "0", "x-tail", "2"],
      true,
    ]);
    expect([exchange.header("content-type"), exchange.header("x-meta")]).toEqual(["application/grpc-web+proto", "1"]);
  });

  test("speaks base64 both ways when the client asks for text", () => {
    const rig = new Rig();
    const text = Buffer.from(ask).toString("base64");
    const exchange = rig.send(
      "POST",
      "/library.v1.Library/Get",
      ["content-type", "application/grpc-web-text"],
      new TestBody([text.slice(0, 3), text.slice(3)]),
    );
    expect(rig.upstream.call.body.bytes).toEqual(Buffer.from(ask));
    const sink = rig.upstream.call.answer();
    sink.write(encoded("Book", { name: "b" }));
    sink.end(["grpc-status", "5"]);
    const decoded = Buffer.concat(
      exchange.sink!.chunks.map((chunk) => Buffer.from(Buffer.from(chunk).toString(), "base64")),
    );
    expect(readWebTrailers(frames(decoded)[1]!)).toEqual(["grpc-status", "5"]);
  });

  test("tells a status when the body is no base64, the upstream breaks off, is not there, or is no gRPC", () => {
    const text = ["content-type", "application/grpc-web-text"];
    const early = new Rig();
    const noBase64 = early.send("POST", "/a.B/C", text, new TestBody(["*"]));
    expect([noBase64.header("grpc-status"), early.upstream.calls.length, early.blamed]).toEqual([
      "3",
      0,
      ["grpc.web_base64"],
    ]);
    // Behind it comes a call that fails because its body breaks off: the client is to blame all the same.
    const later = new Rig();
    const body = new TestBody();
    const late = later.send("POST", "/a.B/C", text, body);
    const { call } = later.upstream;
    call.body.abort = () => call.events.onFailure(new Failure("gateway.upstream_protocol", "cut"), false);
    body.sink!.write(Buffer.from("AAAA"));
    body.sink!.write(Buffer.from("*"));
    expect([late.header("grpc-status"), call.cancelled?.code]).toEqual(["3", "grpc.web_base64"]);
    const rig = new Rig();
    const cut = rig.send("POST", "/a.B/C", ["content-type", "application/grpc-web"], new TestBody([ask]));
    rig.upstream.call.answer().abort(new Failure("gateway.upstream_closed", "x"));
    expect(readWebTrailers(frames(cut.sink!.bytes)[0]!)[1]).toBe("14");
    const none = rig.send("POST", "/a.B/C", ["content-type", "application/grpc-web"], new TestBody([ask]));
    rig.upstream.call.events.onFailure(new Failure("gateway.connect_failed", "x"), true);
    expect([none.status, none.header("grpc-status")]).toEqual([200, "14"]);
    const html = rig.send("POST", "/a.B/C", ["content-type", "application/grpc-web"], new TestBody([ask]));
    rig.upstream.call.answer(["content-type", "text/html"], 200);
    expect(html.header("grpc-status")).toBe("2");
    expect(rig.converter.counts().failed["grpc-web"]).toBe(3);
  });

  test("keeps a status that stands in the head, and makes one when there is none", () => {
    const rig = new Rig();
    const only = rig.send("POST", "/a.B/C", ["content-type", "application/grpc-web"], new TestBody([ask]));
    rig.upstream.call.answer([...GRPC, "grpc-status", "5"]).end();
    expect([only.header("grpc-status"), only.sink!.bytes.length]).toEqual(["5", 0]);
    const none = rig.send("POST", "/a.B/C", ["content-type", "application/grpc-web"], new TestBody([ask]));
    rig.upstream.call.answer().end();
    expect(readWebTrailers(frames(none.sink!.bytes)[0]!)[1]).toBe("13");
    expect(rig.converter.counts().failed["grpc-web"]).toBe(2);
  });

  test("cancels the call when the client goes", () => {
    const rig = new Rig();
    rig.send("POST", "/a.B/C", ["content-type", "application/grpc-web"], new TestBody([ask])).onGone!(GONE);
    expect(rig.upstream.call.cancelled).toBe(GONE);
  });

  test("cancels the call and says nothing more when the client takes no more of the reply", () => {
    const rig = new Rig();
    const exchange = rig.send("POST", "/a.B/C", ["content-type", "application/grpc-web"], new TestBody([ask]));
    const sink = rig.upstream.call.answer();
    const ready = (): void => {};
    sink.onReady = ready;
    expect(exchange.sink!.onReady).toBe(ready);
    exchange.sink!.onCancel!(GONE);
    sink.write(encoded("Book", { name: "b" }));
    sink.end(["grpc-status", "0"]);
    expect([rig.upstream.call.cancelled, exchange.sink!.bytes.length, exchange.sink!.isEnded]).toEqual([
      GONE,
      0,
      false,
    ]);
    expect(rig.converter.counts().failed["grpc-web"]).toBe(1);
  });
});

describe("convertGrpcJson()", () => {
  const JSON_REPLY = ["content-type", "application/json"];
  function asked(
    method: string,
    body: Uint8Array,
    rig = new Rig({ store, plan: { mode: "grpc-json" }, scheme: "http" }),
  ): { rig: Rig; exchange: TestExchange } {
    return {
      rig,
      exchange: rig.send("POST", `/library.v1.Library/${method}`, [...GRPC, "x-own", "1"], new TestBody([body])),
    };
  }

  test("asks as the annotation says and answers with the message", () => {
    const { exchange, rig } = asked("Get", ask);
    const { head } = rig.upstream.call.request;
    expect([head.method, head.target, rig.upstream.call.header("x-own")]).toEqual([
      "GET",
      "/v1/shelves/1/books/2?deep=true",
      "1",
    ]);
    const sink = rig.upstream.call.answer(JSON_REPLY);
    sink.write(Buffer.from(`{"name":"b",`));
    sink.write(Buffer.from(`"pages":12345678901234567}`));
    sink.end();
    expect([books(exchange), statusOf(exchange)]).toEqual([[{ name: "b", pages: "12345678901234567" }], "0"]);
  });

  test("counts what a request or, when the route says so, a reply holds and no descriptor knows", () => {
    const plan = { mode: "grpc-json", unknownFields: "count" } as const;
    const unknown = frameMessage(Buffer.concat([ask.subarray(5), new Uint8Array([0xc0, 0x3e, 1])]));
    const { exchange, rig } = asked("Get", unknown, new Rig({ store, plan, scheme: "http" }));
    const sink = rig.upstream.call.answer(JSON_REPLY);
    sink.write(Buffer.from(`{"name":"b","nmae":1}`));
    sink.end();
    expect([books(exchange), rig.dropped]).toEqual([[{ name: "b" }], ["request #1000", "reply nmae"]]);
  });

  test("asks by the next annotation when the message does not fit the first, and nobody when it fits none", () => {
    const other = asked("Get", encoded("GetBook", { name: "emma", deep: true }));
    expect(other.rig.upstream.call.request.head.target).toBe("/v1/books/emma?deep=true");
    const none = asked("Get", encoded("GetBook", { deep: true }));
    expect([statusOf(none.exchange), none.rig.upstream.calls.length]).toEqual(["3", 0]);
  });

  test("puts the message into the body, by the annotation or by default", () => {
    const put = asked("Put", encoded("PutBook", { book: { name: "shelves/1", title: "t" }, force: true }));
    expect([put.rig.upstream.call.request.head.target, put.rig.upstream.call.body.bytes.toString()]).toEqual([
      "/v1/shelves/1?force=true",
      `{"title":"t"}`,
    ]);
    const safe = asked("Safe", ask);
    expect([
      safe.rig.upstream.call.request.head.target,
      JSON.parse(safe.rig.upstream.call.body.bytes.toString()),
    ]).toEqual(["/library.v1.Library/Safe", { name: "shelves/1/books/2", deep: true }]);
  });

  test.each([
    [400, `{"message":"bad"}`, "3", "bad"],
    [404, `{"error":{"message":"none"}}`, "5", "none"],
    [429, "<html>", "8", "the%20upstream%20answered"],
    [503, "", "14", "the upstream answered"],
    [302, "", "2", "the upstream answered"],
  ])("gives a status when the upstream answers %d %s", (status, body, code, says) => {
    const { exchange, rig } = asked("Get", ask);
    const sink = rig.upstream.call.answer(JSON_REPLY, status);
    if (body !== "") sink.write(Buffer.from(body));
    sink.end();
    expect([
      statusOf(exchange),
      exchange.header("grpc-message")?.replaceAll(" ", "%20").startsWith(says.replaceAll(" ", "%20")),
    ]).toEqual([code, true]);
  });

  test.each([
    ["no JSON", "<html>"],
    ["an unknown field", `{"nmae":1}`],
    ["another type", "[]"],
  ])("ends INTERNAL when the reply is %s", (_, text) => {
    const { exchange, rig } = asked("Get", ask);
    const sink = rig.upstream.call.answer(JSON_REPLY);
    sink.write(Buffer.from(text));
    sink.end();
    expect([statusOf(exchange), exchange.sink]).toEqual(["13", undefined]);
  });

  test.each([
    ["application/x-ndjson", `{"name":"1"}\n{"na`, `me":"2"}\n`],
    [
      "text/event-stream",
      `: hello\ndata: {"name":"1"}\n\nevent: x\nid: 1\ndata: {"na`,
      `me":\ndata: "2"}\r\n\r\nevent: end\ndata: {}\n\n`,
    ],
    ["application/json", `[{"name":"1"},`, `{"name":"2"}]`],
  ])("gives the messages of a stream when it comes as %s", (type, first, second) => {
    const { exchange, rig } = asked("Watch", ask);
    const sink = rig.upstream.call.answer(["content-type", type]);
    sink.write(Buffer.from(first));
    sink.write(Buffer.from(second));
    sink.end();
    expect([books(exchange), statusOf(exchange)]).toEqual([[{ name: "1" }, { name: "2" }], "0"]);
  });

  test.each([
    ["application/x-ndjson", `{"name":"1"}\n{"error":{"code":9,"message":"m"}}\n`, "9"],
    ["text/event-stream", `data: {"name":"1"}\n\nevent: error\ndata: {"error":{"code":9,"message":"m"}}\n\n`, "9"],
    ["application/x-ndjson", `{"name":"1"}\nnonsense\n`, "13"],
  ])("ends with the status when a stream of %s ends in an error", (type, text, code) => {
    const { exchange, rig } = asked("Watch", ask);
    const sink = rig.upstream.call.answer(["content-type", type]);
    sink.write(Buffer.from(text));
    sink.end();
    expect([books(exchange).length, statusOf(exchange)]).toEqual([1, code]);
  });

  test.each([
    ["Upload", ask, "12"],
    ["Nothing", ask, "12"],
    ["Get", new Uint8Array(0), "3"],
    ["Get", new Uint8Array([...ask, ...ask]), "3"],
    ["Get", new Uint8Array([0, 0, 0, 0, 1, 0xff]), "3"],
    ["Get", new Uint8Array([0, 0, 0, 0, 0]), "3"],
    ["Get", new Uint8Array([0, 9, 9, 9, 9]), "8"],
    ["Get", ask.subarray(0, 7), "3"],
  ])("ends and asks nobody when %s is called with %p", (method, body, code) => {
    const { exchange, rig } = asked(method, body);
    expect([statusOf(exchange), rig.upstream.calls.length]).toEqual([code, 0]);
  });

  test("cancels the call when the client goes", () => {
    const { exchange, rig } = asked("Get", ask);
    exchange.onGone!(GONE);
    expect(rig.upstream.call.cancelled).toBe(GONE);
  });
});

describe("serveOwn()", () => {
  function reflected(...requests: readonly ReflectionRequest[]): { exchange: TestExchange; replies: unknown[] } {
    const rig = new Rig({ store });
    const body = requests.map((request) => frameMessage(encodeReflectionRequest(request)));
    const exchange = rig.send(
      "POST",
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      GRPC,
      new TestBody(body),
    );
    expect(rig.upstream.calls.length).toBe(0);
    return {
      exchange,
      replies: frames(exchange.sink?.bytes ?? new Uint8Array(0)).map((one) => decodeReflectionReply(one)),
    };
  }

  test("reflects services, files and symbols", () => {
    const { exchange, replies } = reflected(
      { kind: "services", name: "" },
      { kind: "symbol", name: "library.v1.Book" },
      { kind: "file", name: "nothing.proto" },
    );
    expect(replies[0]).toEqual({ kind: "services", names: ["library.v1.Library"] });
    expect((replies[1] as { files: unknown[] }).files.length).toBe(store.fileBytes("library.proto")!.length);
    expect([replies[2], statusOf(exchange)]).toEqual([
      { kind: "error", code: 5, message: "nothing.proto is not known" },
      "0",
    ]);
  });

  test("reflects extensions by their number", () => {
    const { replies } = reflected({ kind: "extension", name: "google.protobuf.MethodOptions", number: 72295728 });
    expect((replies[0] as { kind: string }).kind).toBe("files");
  });

  test("ends when the client asks what is no message", () => {
    const rig = new Rig({ store });
    const body = new TestBody([frameMessage(new Uint8Array([0x1a, 99]))]);
    expect(
      statusOf(rig.send("POST", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", GRPC, body)),
    ).toBe("3");
  });

  function health(method: string, service: string, rig: Rig): TestExchange {
    const message = new Uint8Array(service === "" ? [] : [0x0a, service.length, ...Buffer.from(service)]);
    return rig.send("POST", `/grpc.health.v1.Health/${method}`, GRPC, new TestBody([frameMessage(message)]));
  }

  test("answers checks of health by the port", () => {
    const rig = new Rig({ store, ports: { health: (service) => service === "" } });
    expect([...frames(health("Check", "", rig).sink!.bytes)[0]!]).toEqual([8, 1]);
    expect([...frames(health("Check", "library.v1.Library", rig).sink!.bytes)[0]!]).toEqual([8, 2]);
    expect(statusOf(health("Check", "no.Such", rig))).toBe("5");
  });

  test("watches health until the client goes", () => {
    let isHealthy = true;
    let tell = (): void => {};
    let stopped = 0;
    const watchHealth = (listener: () => void): (() => void) => {
      tell = listener;
      return () => stopped++;
    };
    const exchange = health("Watch", "", new Rig({ store, ports: { health: () => isHealthy, watchHealth } }));
    tell();
    isHealthy = false;
    tell();
    expect(frames(exchange.sink!.bytes).map((one) => one[1])).toEqual([1, 2]);
    exchange.onGone!(GONE);
    tell();
    expect([stopped, frames(exchange.sink!.bytes).length]).toEqual([1, 2]);
  });

  test("leaves reflection to the upstream when the route has no files", () => {
    const { converter } = new Rig();
    const target = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    expect(
      converter.kindOf({ method: "POST", target, scheme: "http", authority: "", version: "2", headers: GRPC }, "grpc"),
    ).toBeUndefined();
  });
});

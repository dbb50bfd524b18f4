/** Bodies that take long to convert, or would: deep, full of tiny values, long streams. */
import { describe, expect, test } from "bun:test";
import { binaryOf, messageOfJson } from "../../../../../src/wire/protobuf/index.ts";
import { LIBRARY, load } from "../../../wire/protobuf/protos.ts";
import { GONE, Rig, TestBody, type TestExchange } from "./fakes.ts";

const store = await load({ "library.proto": LIBRARY });
const Book = store.message("library.v1.Book")!;
const LINES = ["content-type", "application/x-ndjson"];
const MIB = 1024 * 1024;

function newRig(): Rig {
  return new Rig({ store, plan: { messageBytesMax: MIB } });
}

function bytesOf(json: string): Buffer {
  return Buffer.from(binaryOf(Book, messageOfJson(Book, json, { registry: store.registry })));
}

function message({ json }: TestExchange): string {
  return (json as { error: { message: string } }).error.message;
}

/** Frames without their heads. */
function sent(rig: Rig): Buffer[] {
  const all: Buffer[] = [];
  for (let bytes = rig.upstream.call.body.bytes; bytes.length > 0; ) {
    const end = 5 + bytes.readUInt32BE(1);
    all.push(bytes.subarray(5, end));
    bytes = bytes.subarray(end);
  }
  return all;
}

describe("a body", () => {
  const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  test.each([
    ["/library.v1.Library/Upload", deep],
    ["/library.v1.Library/Upload", `[{"tags":${deep}}]`],
    ["/library.v1.Library/Get", `{"parts":${deep}}`],
    ["/v1/books:create", deep],
  ])("to %s is refused before anybody parses it when it is deep", (path, body) => {
    const rig = newRig();
    const exchange = rig.post(path, body);
    rig.clock.advance(0);
    expect([exchange.status, message(exchange), rig.blamed]).toEqual([
      400,
      expect.stringContaining("levels deep"),
      ["protobuf.json"],
    ]);
  });

  test("is refused when it holds more values than one message may", () => {
    const rig = newRig();
    const names = Array.from({ length: 40_000 }, (_, index) => `"k${index}":""`);
    const exchange = rig.post("/library.v1.Library/Get", `{"labels":{${names}}}`);
    rig.clock.advance(0);
    expect([exchange.status, message(exchange), rig.blamed]).toEqual([
      413,
      expect.stringContaining("more values than 32768 members"),
      ["protobuf.too_many_values"],
    ]);
  });

  test("is converted in turns when it is long, and comes out as if it were not", () => {
    const rig = newRig();
    const book = JSON.stringify({ name: "b", tags: Array.from({ length: 20_000 }, (_, index) => `t${index}`) });
    rig.post("/v1/books:create", book);
    expect(rig.upstream.calls.length).toBe(0);
    rig.clock.advance(0);
    expect(sent(rig)).toEqual([bytesOf(book)]);
  });

  test("is not converted further when its client goes", () => {
    const rig = newRig();
    rig.post("/v1/books:create", JSON.stringify({ tags: [" ".repeat(40_000)] })).onGone!(GONE);
    rig.clock.advance(0);
    expect([rig.upstream.calls.length, rig.clock.timers]).toEqual([0, 0]);
  });

  test.each([
    ["application/json", "gzip", 415],
    ["application/json", "identity", undefined],
  ])("of %s that came in %s is answered %p", (type, coding, status) => {
    const rig = newRig();
    const exchange = rig.post("/library.v1.Library/Get", "{}", ["content-encoding", coding]);
    expect([type, exchange.status, exchange.header("accept-encoding")]).toEqual([
      type,
      status,
      status === undefined ? undefined : "identity",
    ]);
  });
});

describe("a stream", () => {
  test.each([
    ["lines", LINES, (all: readonly string[]) => all.join("\n")],
    ["an array", ["content-type", "application/json"], (all: readonly string[]) => `[${all.join(" ,\n")}]`],
  ])("of many messages as %s takes turns, and all arrive before the end", (_, headers, joined) => {
    const rig = newRig();
    const body = new TestBody();
    rig.send("POST", "/library.v1.Library/Upload", [...headers], body);
    const books = Array.from({ length: 5000 }, (_, index) => `{"name":"${index}"}`);
    const goesOn = body.sink!.write(Buffer.from(joined(books)));
    body.sink!.end();
    expect([goesOn, rig.upstream.call.body.isEnded]).toEqual([headers !== LINES, false]);
    rig.clock.advance(0);
    expect([sent(rig), rig.upstream.call.body.isEnded]).toEqual([books.map(bytesOf), true]);
  });

  test("is read on when what came is converted and the upstream takes more", () => {
    const rig = newRig();
    const body = new TestBody();
    rig.send("POST", "/library.v1.Library/Upload", LINES, body);
    let resumed = 0;
    body.sink!.onReady = () => resumed++;
    const upstream = rig.upstream.call.body;
    upstream.takesMore = false;
    expect(body.sink!.write(Buffer.from(`{"name":"${"x".repeat(40_000)}"}\n`))).toBe(false);
    rig.clock.advance(0);
    expect([resumed, sent(rig).length]).toEqual([0, 1]);
    upstream.onReady!();
    expect(resumed).toBe(1);
  });

  test("is broken off at the message that is none, with those before it sent", () => {
    const rig = newRig();
    const body = new TestBody([`{"name":"${"x".repeat(40_000)}"}\n{"nmae":1}\n{}\n`]);
    const exchange = rig.send("POST", "/library.v1.Library/Upload", LINES, body);
    rig.clock.advance(0);
    expect([exchange.status, sent(rig).length, rig.upstream.call.cancelled?.code]).toEqual([
      400,
      1,
      "protobuf.unknown_field",
    ]);
  });

  test.each([`[{"pages":1,"pages":2}]`, `[{"name":"a"},]`, `[{"name":"a"}`, `[{"name":"a"}]]`, `[{"name":"a"}}`])(
    "as the array %s is refused",
    (body) => {
      expect(newRig().post("/library.v1.Library/Upload", body).status).toBe(400);
    },
  );

  test("as an empty array has no messages", () => {
    const rig = newRig();
    rig.post("/library.v1.Library/Upload", " [ ] ");
    expect([sent(rig), rig.upstream.call.body.isEnded]).toEqual([[], true]);
  });
});

import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { FrameSink } from "../../../../../src/edge/gateway/convert/frame-sink.ts";
import { JsonBodyStream } from "../../../../../src/edge/gateway/convert/json-body-stream.ts";
import type { MessageSink } from "../../../../../src/edge/gateway/convert/message-sink.ts";
import { TextStream } from "../../../../../src/edge/gateway/convert/text-stream.ts";
import { Turns } from "../../../../../src/edge/gateway/convert/turns.ts";
import { frameMessage } from "../../../../../src/wire/protobuf/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const CAUSE = new Failure("test.cause", "it was told to");

/** What came out of a body, and a taker that may ask for a pause, or do something else, at each message. */
class Taker {
  readonly told: string[] = [];
  atMessage: () => boolean = () => true;

  message(text: string): boolean {
    this.told.push(text);
    return this.atMessage();
  }

  broken(failure: Failure): void {
    this.told.push(failure.code);
  }
}

interface Kind {
  readonly name: string;
  make(taker: Taker): MessageSink;
  bytes(...messages: string[]): Uint8Array;
  /** Of a body that stops within a message. */
  readonly cut: { readonly last: Uint8Array; readonly told: string[] };
}

const KINDS: readonly Kind[] = [
  {
    name: "FrameSink",
    make: (taker) =>
      new FrameSink({ messageBytesMax: 100 }, "identity", {
        onMessage: (message) => taker.message(Buffer.from(message).toString()),
        onEnd: () => taker.told.push("end"),
        onBroken: (failure) => taker.broken(failure),
      }),
    bytes: (...messages) => Buffer.concat(messages.map((each) => frameMessage(Buffer.from(each)))),
    cut: { last: frameMessage(Buffer.from("cut")).subarray(0, 7), told: ["grpc.frame"] },
  },
  {
    name: "TextStream",
    make: (taker) =>
      new TextStream(false, 100, {
        onText: (text) => taker.message(text),
        onEnd: () => taker.told.push("end"),
        onBroken: (failure) => taker.broken(failure),
      }),
    bytes: (...messages) => Buffer.from(messages.map((each) => `${each}\n`).join("")),
    cut: { last: Buffer.from([0xff]), told: ["gateway.upstream_protocol"] },
  },
  {
    name: "JsonBodyStream",
    make: jsonBodyStream,
    bytes: (...messages) => Buffer.from(messages.map((each) => `${each}\n`).join("")),
    cut: { last: Buffer.from("{"), told: ["gateway.convert_invalid"] },
  },
];

/** What goes to its upstream is told as it arrives there. */
function jsonBodyStream(taker: Taker): MessageSink {
  const stream = new JsonBodyStream(["content-type", "application/x-ndjson"], 100, new Turns(new SteppedClock()), {
    // biome-ignore lint/correctness/useYield: a conversion that is done at once
    *convert(text) {
      if (text === "{") throw new Error("no JSON");
      return Buffer.from(text);
    },
    onBroken: (failure) => taker.broken(failure),
  });
  stream.messages.start({
    onReady: undefined,
    onCancel: undefined,
    write: (frame) => taker.message(Buffer.from(frame.subarray(5)).toString()),
    end: () => taker.told.push("end"),
    abort: (cause) => taker.broken(cause),
  });
  return stream;
}

describe.each(KINDS)("$name", ({ make, bytes, cut }) => {
  function begin(): { taker: Taker; sink: MessageSink; heard: string[] } {
    const taker = new Taker();
    const sink = make(taker);
    const heard: string[] = [];
    sink.onReady = () => heard.push("ready");
    sink.onCancel = ({ code }) => heard.push(code);
    return { taker, sink, heard };
  }

  test("write() tells whole messages and end() the end when the body comes in single bytes", () => {
    const { taker, sink, heard } = begin();
    for (const byte of bytes("1", "22")) expect(sink.write(Buffer.from([byte]))).toBe(true);
    sink.end();
    sink.end();
    sink.abort(CAUSE);
    expect([taker.told, heard]).toEqual([["1", "22", "end"], []]);
  });

  test("write() says that no more is taken when a taker asks for a pause, and resume() that it goes on, once", () => {
    const { taker, sink, heard } = begin();
    taker.atMessage = () => taker.told.length !== 1;
    expect(sink.write(bytes("1", "2"))).toBe(false);
    expect(heard).toEqual([]);
    sink.resume();
    sink.resume();
    expect([taker.told, heard]).toEqual([["1", "2"], ["ready"]]);
    expect(sink.write(bytes("3"))).toBe(true);
  });

  test("stop() cancels the body and nothing more is told when a taker has enough within a piece", () => {
    const { taker, sink, heard } = begin();
    taker.atMessage = () => {
      sink.stop(CAUSE);
      return false;
    };
    expect(sink.write(bytes("1", "2"))).toBe(true);
    sink.stop(CAUSE);
    sink.resume();
    expect(sink.write(bytes("3"))).toBe(true);
    sink.end();
    expect([taker.told, heard]).toEqual([["1"], ["test.cause"]]);
  });

  test("abort() tells what broke the body off when it was not over", () => {
    const { taker, sink, heard } = begin();
    sink.write(bytes("1"));
    sink.abort(CAUSE);
    sink.end();
    expect([taker.told, heard]).toEqual([["1", "test.cause"], []]);
  });

  test("end() tells the fault and cancels nothing when the rest is no message", () => {
    const { taker, sink, heard } = begin();
    sink.write(cut.last);
    sink.end();
    sink.stop(CAUSE);
    expect([taker.told, heard]).toEqual([cut.told, []]);
  });
});

test("end() cancels nothing when the last line, which has no end, is all that a taker wanted", () => {
  const told: string[] = [];
  const sink: TextStream = new TextStream(false, 100, {
    onText: (text) => {
      told.push(text);
      sink.stop(CAUSE);
      return true;
    },
    onEnd: () => told.push("end"),
    onBroken: ({ code }) => told.push(code),
  });
  sink.onCancel = ({ code }) => told.push(`cancelled: ${code}`);
  sink.write(Buffer.from("1"));
  sink.end();
  expect(told).toEqual(["1"]);
});

test("write() cancels the body with the fault when a message is none", () => {
  const taker = new Taker();
  const sink = jsonBodyStream(taker);
  sink.onCancel = ({ code }) => taker.told.push(`cancelled: ${code}`);
  expect(sink.write(Buffer.from("1\n{\n2\n"))).toBe(true);
  expect(taker.told).toEqual(["1", "cancelled: gateway.convert_invalid", "gateway.convert_invalid"]);
});

import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { type BodySink, CancelHearingSink, type HeaderList, PassingSink } from "../../../../src/wire/http/index.ts";

const CAUSE = new Failure("test.cause", "it was told to");

class LastSink implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly told: unknown[] = [];

  write(chunk: Uint8Array): boolean {
    this.told.push(chunk);
    return this.told.length < 2;
  }

  end(trailers?: HeaderList): void {
    this.told.push(trailers ?? "end");
  }

  abort(cause: Failure): void {
    this.told.push(cause);
  }
}

class PlainSink extends PassingSink {}

class ListeningSink extends CancelHearingSink {
  readonly heard: string[] = [];

  protected override cancelled(cause: Failure): void {
    this.heard.push(`before ${cause.code}`);
    super.cancelled(cause);
    this.heard.push("after");
  }
}

const SINKS = [
  ["PassingSink", (inner: BodySink) => new PlainSink(inner)],
  ["CancelHearingSink", (inner: BodySink) => new ListeningSink(inner)],
] as const;

describe.each(SINKS)("%s", (_name, make) => {
  test("write(), end() and abort() hand on what they get, and what they are answered, when a subclass changes nothing", () => {
    const last = new LastSink();
    const sink: BodySink = make(last);
    const chunk = Buffer.from("a");
    expect([sink.write(chunk), sink.write(chunk)]).toEqual([true, false]);
    sink.end(["x", "1"]);
    sink.end();
    sink.abort(CAUSE);
    expect(last.told).toEqual([chunk, chunk, ["x", "1"], "end", CAUSE]);
    expect(last.told[0]).toBe(chunk);
  });

  test("onReady is the one behind's own when a writer sets it, changes it and takes it back", () => {
    const last = new LastSink();
    const sink: BodySink = make(last);
    const ready = () => {};
    sink.onReady = ready;
    expect([last.onReady, sink.onReady]).toEqual([ready, ready]);
    sink.onReady = undefined;
    expect([last.onReady, sink.onReady]).toEqual([undefined, undefined]);
  });

  test("onCancel reaches the one who writes, and is what was set, when the receiver wants no more", () => {
    const last = new LastSink();
    const sink: BodySink = make(last);
    const causes: Failure[] = [];
    const cancel = (cause: Failure) => {
      causes.push(cause);
    };
    expect(sink.onCancel).toBeUndefined();
    sink.onCancel = cancel;
    expect(sink.onCancel).toBe(cancel);
    last.onCancel?.(CAUSE);
    sink.onCancel = undefined;
    expect(sink.onCancel).toBeUndefined();
    last.onCancel?.(CAUSE);
    expect(causes).toEqual([CAUSE]);
  });
});

describe("CancelHearingSink", () => {
  test("cancelled() is called when the writer listens and when it does not", () => {
    const last = new LastSink();
    const sink = new ListeningSink(last);
    last.onCancel?.(CAUSE);
    sink.onCancel = () => sink.heard.push("writer");
    last.onCancel?.(CAUSE);
    expect(sink.heard).toEqual(["before test.cause", "after", "before test.cause", "writer", "after"]);
  });
});

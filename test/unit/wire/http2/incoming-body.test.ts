/** The body that comes on a stream, between two connections of ours and a sink that takes as much as a test says. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import type { BodySink, HeaderList } from "../../../../src/wire/http/index.ts";
import { type Http2Stream, IncomingBody, type IncomingOwner } from "../../../../src/wire/http2/index.ts";
import { Pair, requestHead } from "./rig.ts";

const WINDOW = 65_535;
const CAUSE = new Failure("test.cause", "it was told to");

class Taker implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly chunks: Uint8Array[] = [];
  ending: string | undefined;
  takes: () => boolean = () => true;

  write(chunk: Uint8Array): boolean {
    expect(this.ending).toBeUndefined();
    this.chunks.push(chunk);
    return this.takes();
  }

  end(trailers?: HeaderList): void {
    expect(this.ending).toBeUndefined();
    this.ending = `end ${trailers ?? ""}`;
  }

  abort(cause: Failure): void {
    expect(this.ending).toBeUndefined();
    this.ending = cause.code;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

/** A request whose body the server has as an `IncomingBody`. */
class Rig implements IncomingOwner {
  readonly pair = new Pair({ streamWindowBytes: WINDOW, streamWindowBytesMax: WINDOW, connectionWindowBytes: WINDOW });
  readonly told: string[] = [];
  readonly stream: Http2Stream<string>;
  readonly taker = new Taker();
  body!: IncomingBody<string>;

  constructor(fields: HeaderList = [], isWhole = false) {
    const { server, serverSide } = this.pair;
    server.request = (stream, _head, isEnded) => {
      this.body = new IncomingBody(serverSide, stream, this, isEnded, isWhole);
    };
    server.onChunk = (_stream, chunk) => this.body.received(chunk);
    server.onEnd = (_stream, trailers) => this.body.receivedEnd(trailers);
    this.stream = this.pair.clientSide.request(requestHead("POST", "/", fields), false, "");
    this.pair.flow();
  }

  onBodyStarted(): void {
    this.told.push("started");
  }
  onBodyTaken(): void {
    if (this.told.at(-1) !== "taken") this.told.push("taken");
  }
  onBodyEnded(): void {
    this.told.push("ended");
  }
  onBodyUnwanted(cause: Failure): void {
    this.told.push(`unwanted ${cause.code}`);
  }

  send(text: string): this {
    this.pair.clientSide.data(this.stream, Buffer.from(text));
    this.pair.flow();
    return this;
  }

  end(trailers?: HeaderList): this {
    this.pair.clientSide.end(this.stream, trailers);
    this.pair.flow();
    return this;
  }

  /** Bytes that left the client. */
  get sentBytes(): number {
    return this.stream.sentBytes;
  }
}

describe("IncomingBody", () => {
  test("start() gives what has come, then what comes, and its end with the trailers when the sink takes all", () => {
    const rig = new Rig(["content-length", "2"]).send("a");
    expect([rig.body.length, rig.body.isHeld, rig.body.isReceived, rig.body.isAwaited]).toEqual([
      2,
      true,
      false,
      false,
    ]);
    rig.body.start(rig.taker);
    expect([rig.taker.text, rig.body.isHeld, rig.body.isAwaited]).toEqual(["a", false, true]);
    rig.send("b").end(["x", "1"]);
    expect([rig.taker.text, rig.taker.ending, rig.body.isAwaited]).toEqual(["ab", "end x,1", false]);
    expect(rig.told).toEqual(["started", "taken", "ended"]);
  });

  test("a body that has to be whole ends when the stream does, not when its length is reached", () => {
    const rig = new Rig(["content-length", "4"], true).send("a");
    rig.body.start(rig.taker);
    rig.send("b").send("cd");
    expect([rig.taker.text, rig.taker.ending, rig.body.isAwaited]).toEqual(["ab", undefined, true]);
    rig.end();
    expect([rig.taker.text, rig.taker.ending]).toEqual(["abcd", "end "]);
    const late = new Rig(["content-length", "2"], true).send("ab");
    late.body.start(late.taker);
    expect([late.taker.text, late.taker.ending]).toEqual(["", undefined]);
    late.end(["x", "1"]);
    expect([late.taker.text, late.taker.ending]).toEqual(["ab", "end x,1"]);
    const none = new Rig(["content-length", "0"], true);
    none.body.start(none.taker);
    expect([none.body.length, none.taker.ending]).toEqual([undefined, undefined]);
    none.end();
    expect([none.taker.text, none.taker.ending]).toEqual(["", "end "]);
  });

  test("start() ends at once when the body was over, with and without bytes before", () => {
    const empty = new Rig().end();
    empty.body.start(empty.taker);
    expect([empty.taker.text, empty.taker.ending, empty.told]).toEqual(["", "end ", ["ended"]]);
    const whole = new Rig().send("a").send("b").end();
    whole.body.start(whole.taker);
    expect([whole.taker.text, whole.taker.ending, whole.told]).toEqual(["ab", "end ", ["started", "taken", "ended"]]);
  });

  test("onReady gives the rest and lets more come when the sink was full", () => {
    const rig = new Rig();
    rig.taker.takes = () => false;
    rig.body.start(rig.taker);
    rig.send("x".repeat(WINDOW * 3)).end();
    expect([rig.sentBytes, rig.body.isAwaited]).toEqual([WINDOW, false]);
    expect(rig.taker.text.length).toBeLessThan(WINDOW);
    rig.taker.takes = () => true;
    rig.taker.onReady!();
    rig.pair.flow();
    expect([rig.taker.text.length, rig.taker.ending]).toEqual([WINDOW * 3, "end "]);
  });

  test("cancel() drops what is there and keeps the window shut when nobody wants it", () => {
    const rig = new Rig().send("x".repeat(WINDOW - 1));
    rig.body.cancel(CAUSE);
    rig.body.cancel(CAUSE);
    rig.body.start(rig.taker);
    rig.send("y".repeat(WINDOW)).end();
    expect([rig.told, rig.taker.text, rig.taker.ending, rig.sentBytes]).toEqual([
      ["unwanted test.cause"],
      "",
      undefined,
      WINDOW,
    ]);
  });

  test("onCancel within a write stops what is held and nothing more is said to the sink", () => {
    const rig = new Rig().send("a".repeat(5_000)).send("b".repeat(5_000)).end();
    rig.taker.takes = () => {
      rig.taker.onCancel!(CAUSE);
      return true;
    };
    rig.body.start(rig.taker);
    expect([rig.taker.text, rig.taker.ending]).toEqual(["a".repeat(5_000), undefined]);
    expect(rig.told).toEqual(["started", "taken", "unwanted test.cause"]);
  });

  test("break() aborts the sink, or the one that comes later, when the rest does not come", () => {
    const early = new Rig().send("a");
    early.body.break(CAUSE);
    early.body.start(early.taker);
    expect([early.taker.text, early.taker.ending]).toEqual(["", "test.cause"]);
    const late = new Rig().send("a");
    late.body.start(late.taker);
    late.body.break(CAUSE);
    expect([late.taker.text, late.taker.ending]).toEqual(["a", "test.cause"]);
  });

  test("drop() says nothing to anybody when whoever has the stream gives it up", () => {
    const rig = new Rig().send("a");
    rig.body.start(rig.taker);
    rig.body.drop();
    rig.send("b").end();
    expect([rig.taker.text, rig.taker.ending, rig.told.includes("ended")]).toEqual(["a", undefined, false]);
  });

  test("end of a body leaves nothing held when the sink was full at its last piece", () => {
    const rig = new Rig();
    rig.taker.takes = () => false;
    rig.body.start(rig.taker);
    rig.send("abc").end();
    expect([rig.taker.text, rig.taker.ending, rig.pair.server.streams.get(1)!.heldBytes]).toEqual(["abc", "end ", 0]);
  });

  test("start() refuses a second sink", () => {
    const rig = new Rig();
    rig.body.start(rig.taker);
    expect(() => rig.body.start(new Taker())).toThrow("started twice");
  });

  test("received() costs about what is held when it comes in single bytes", () => {
    const rig = new Rig();
    Bun.gc(true);
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < 20_000; at++) rig.body.received(new Uint8Array(1));
    Bun.gc(true);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(500_000); // as pieces of one byte some 2 MB
    expect(rig.body.isHeld).toBe(true);
  });

  test("all bytes arrive in order, and never more than the window lies here, whatever a sink takes and when it goes on", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("send" as const), bytes: fc.integer({ min: 1, max: 100_000 }) }),
      fc.record({ kind: fc.constantFrom("start" as const, "ready" as const, "full" as const, "takes" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const rig = new Rig();
        const sent: Buffer[] = [];
        let isStarted = false;
        const start = (): void => {
          if (!isStarted) rig.body.start(rig.taker);
          isStarted = true;
        };
        const ready = (): void => {
          rig.taker.takes = () => true;
          rig.taker.onReady?.();
        };
        for (const each of steps) {
          if (each.kind === "send") {
            sent.push(Buffer.alloc(each.bytes, sent.length + 1));
            rig.pair.clientSide.data(rig.stream, sent.at(-1)!);
          } else if (each.kind === "start") start();
          else if (each.kind === "ready") ready();
          else rig.taker.takes = () => each.kind === "takes";
          rig.pair.flow();
          const taken = rig.taker.chunks.reduce((sum, { length }) => sum + length, 0);
          expect(rig.sentBytes - taken).toBeLessThanOrEqual(WINDOW);
        }
        rig.end(["x", "1"]);
        start();
        ready();
        rig.pair.flow();
        expect(Buffer.concat(rig.taker.chunks).equals(Buffer.concat(sent))).toBe(true);
        expect(rig.taker.ending).toBe("end x,1");
      }),
      { numRuns: 60 },
    );
  });
});

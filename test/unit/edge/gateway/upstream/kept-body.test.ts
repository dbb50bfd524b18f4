/** Bodies that are sent more than once: each try gets all of it, whatever stops and goes on when. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import { KeptBody } from "../../../../../src/edge/gateway/upstream/kept-body.ts";
import { KEPT_PIECES_MAX } from "../../../../../src/edge/gateway/upstream/limits.ts";
import type { BodySink, HeaderList } from "../../../../../src/wire/http/index.ts";
import { FedBody } from "./rig.ts";

const STOPPED = new Failure("gateway.upstream_closed", "stopped");

/** Takes so many chunks at a time. */
class Taker implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  text = "";
  trailers: HeaderList | undefined;
  isEnded = false;
  isFull = false;
  #left: number;
  readonly #each: number;

  constructor(each: number) {
    this.#each = each;
    this.#left = each;
  }

  write(chunk: Uint8Array): boolean {
    expect(this.isEnded || this.isFull).toBe(false);
    this.text += Buffer.from(chunk).toString();
    this.isFull = --this.#left <= 0;
    return !this.isFull;
  }

  end(trailers?: HeaderList): void {
    expect(this.isEnded).toBe(false);
    this.isEnded = true;
    this.trailers = trailers;
  }

  abort(): void {}

  /** Takes more, when it was full. */
  drain(): void {
    if (!this.isFull) return;
    this.isFull = false;
    this.#left = this.#each;
    this.onReady?.();
  }
}

describe("KeptBody", () => {
  test("open() gives each try all of it, in order, and never more than it takes", () => {
    const steps = fc.array(fc.constantFrom("chunk", "drain", "retry"), { maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3 }), (plan, each) => {
        const source = new FedBody();
        const body = new KeptBody(source, 1_000);
        let taker = new Taker(each);
        body.open().start(taker);
        let sent = "";
        let waits = false;
        for (const step of plan) {
          if (step === "drain") taker.drain();
          if (step === "retry") {
            taker.onCancel?.(STOPPED);
            taker = new Taker(each);
            body.open().start(taker);
          }
          if (source.readies > 0) waits = false;
          source.readies = 0;
          if (step !== "chunk" || waits) continue;
          const text = `${sent.length},`;
          sent += text;
          waits = !body.write(Buffer.from(text));
        }
        body.end(["x-end", "1"]);
        for (let count = 0; count < 100; count++) taker.drain();
        expect(taker.text).toBe(sent);
        expect(taker.isEnded).toBe(true);
        expect(taker.trailers).toEqual(["x-end", "1"]);
        expect(source.cancelled).toBeUndefined();
      }),
    );
  });

  test("write() beyond the bound gives up what was kept, and the try under way still gets all", () => {
    const source = new FedBody();
    const body = new KeptBody(source, 10);
    const taker = new Taker(1);
    body.open().start(taker);
    body.write(Buffer.from("12345"));
    expect(body.canRepeat).toBe(true);
    taker.drain();
    body.write(Buffer.from("67890abc"));
    expect(body.canRepeat).toBe(false);
    taker.drain();
    body.write(Buffer.from("de"));
    taker.drain();
    body.end();
    expect(taker.text).toBe("1234567890abcde");
    expect(taker.isEnded).toBe(true);
  });

  test("write() gives up what was kept when it comes in very many pieces, and the try under way still gets all", () => {
    const body = new KeptBody(new FedBody(), 64 * 1_024);
    const taker = new Taker(Number.POSITIVE_INFINITY);
    body.open().start(taker);
    for (let count = 0; count < KEPT_PIECES_MAX; count++) body.write(Buffer.from("x"));
    expect(body.canRepeat).toBe(true);
    body.write(Buffer.from("y"));
    expect(body.canRepeat).toBe(false);
    body.end();
    expect(taker.text).toBe(`${"x".repeat(KEPT_PIECES_MAX)}y`);
    expect(taker.isEnded).toBe(true);
  });

  test("settle() lets a body go that nobody takes", () => {
    const source = new FedBody();
    const body = new KeptBody(source, 10);
    const taker = new Taker(1);
    body.open().start(taker);
    taker.onCancel!(STOPPED);
    expect(source.cancelled).toBeUndefined();
    body.settle();
    expect(source.cancelled).toBe(STOPPED);
  });
});

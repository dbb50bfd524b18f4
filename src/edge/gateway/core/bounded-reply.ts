/**
 * Replies that are no longer than their route allows: one that says that it is longer is refused, one that turns out so breaks off. The head of
 * one that does not say waits for the first piece, so that one whose first piece is too long already is refused as well. Heads of streams go
 * at once: their clients may wait for them before they do anything else.
 */
import { Failure } from "../../../base/errors.ts";
import { type BodySink, type HeaderList, headerOf, type ReplyHead } from "../../../wire/http/index.ts";
import { brokenOff, refusalOf } from "./failures.ts";
import type { Passage, ReplyGuard } from "./words.ts";

const STREAM = /^\s*(?:text\/event-stream|application\/grpc)/i;

/** Goes first: what guards behind it hold is bounded too. */
export function replyBound(bytesMax: number): ReplyGuard {
  return {
    isStrict: false,
    take(passage, head, length, open) {
      if (length !== undefined && length > bytesMax && passage.request.method !== "HEAD")
        return refusalOf(tooLarge(bytesMax));
      const sink = new BoundedReplySink(passage, () => open(head, length), bytesMax);
      if (length !== undefined || isStream(head)) sink.open();
      return sink;
    },
  };
}

function isStream({ headers }: ReplyHead): boolean {
  return STREAM.test(headerOf(headers, "content-type") ?? "");
}

class BoundedReplySink implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #passage: Passage;
  readonly #opens: () => BodySink;
  readonly #bytesMax: number;
  #inner: BodySink | undefined;
  #left: number;
  #isOver = false;

  constructor(passage: Passage, opens: () => BodySink, bytesMax: number) {
    this.#passage = passage;
    this.#opens = opens;
    this.#bytesMax = this.#left = bytesMax;
  }

  /** The head goes on. */
  open(): BodySink {
    if (this.#inner !== undefined) return this.#inner;
    const inner = this.#opens();
    inner.onReady = () => this.onReady?.();
    inner.onCancel = (cause) => this.onCancel?.(cause);
    this.#inner = inner;
    return inner;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    this.#left -= chunk.byteLength;
    if (this.#left >= 0) return this.open().write(chunk);
    this.#isOver = true;
    const cause = tooLarge(this.#bytesMax);
    const { onCancel } = this;
    this.#passage.break(cause, refusalOf(cause));
    onCancel?.(cause);
    return false;
  }

  end(trailers?: HeaderList): void {
    if (!this.#isOver) this.open().end(trailers);
  }

  abort(cause: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#inner !== undefined) return this.#inner.abort(cause);
    this.#passage.refuse(brokenOff(cause), cause.message);
  }
}

function tooLarge(bytesMax: number): Failure {
  return new Failure("gateway.reply_too_large", `the reply has more than ${bytesMax} bytes`);
}

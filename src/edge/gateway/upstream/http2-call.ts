/**
 * One request on a stream of an HTTP/2 connection: the sink of its body, what becomes of it, and how long it may take. Its reply's body is an
 * `IncomingBody`.
 */
import { Failure } from "../../../base/errors.ts";
import type { BodySink, BodySource, HeaderList, ReplyHead } from "../../../wire/http/index.ts";
import {
  ERROR,
  faultOfFields,
  type Http2Connection,
  type Http2Stream,
  IncomingBody,
  type IncomingOwner,
} from "../../../wire/http2/index.ts";
import type { Asked } from "./asked.ts";
import { isIdempotent } from "./http1-request.ts";

/** The connection, as its calls see it. */
export interface Http2CallOwner {
  readonly machine: Http2Connection<Http2Call>;
  now(): number;
  note(dueMs: number): void;
  /** A reply has come on it: when it dies, it may have died of age. */
  readonly hasServed: boolean;
  /** The request may go out again on another connection; true: it does. */
  again(asked: Asked, isUnbegun: boolean): boolean;
  /** The upstream was silent for too long: perhaps the connection is dead. */
  onSilence(): void;
}

const NEVER = Number.POSITIVE_INFINITY;

export class Http2Call implements BodySink, IncomingOwner {
  onReady: (() => void) | undefined = undefined;
  onCancel: ((cause: Failure) => void) | undefined = undefined;
  readonly asked: Asked;
  readonly #owner: Http2CallOwner;
  #stream: Http2Stream<Http2Call> | undefined = undefined;
  // The request's body.
  #left = -1;
  #isSent = true;
  #isBlocked = false;
  #wasStarted = false;
  /** The reply's body, once its head has come. */
  #incoming: IncomingBody<Http2Call> | undefined = undefined;
  #movedMs: number;
  #isOver = false;

  constructor(asked: Asked, owner: Http2CallOwner) {
    this.asked = asked;
    this.#owner = owner;
    this.#movedMs = owner.now();
  }

  /** `body`: what follows the head; undefined: nothing. A WebSocket's comes by its sink, once it is one. */
  begin(stream: Http2Stream<Http2Call>, body: BodySource | undefined): void {
    this.#stream = stream;
    this.#isSent = body === undefined;
    this.#noteTimes();
    if (body === undefined) return;
    this.#left = body.length ?? -1;
    this.#wasStarted = true;
    body.start(this);
  }

  /** Nobody waits for it any more. */
  cancel(cause: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reset();
    this.#stopBody(cause);
    this.#incoming?.drop();
  }

  #reset(): void {
    if (this.#stream !== undefined) this.#owner.machine.reset(this.#stream, ERROR.cancel);
  }

  /** What went wrong on our side of the stream. */
  #break(cause: Failure): void {
    if (this.#isOver) return;
    this.#reset();
    this.#fail(cause, false);
  }

  // The sink of the request's body.

  write(chunk: Uint8Array): boolean {
    const size = chunk.byteLength;
    if (this.#isSent || this.#isOver) return false;
    if (size === 0) return true;
    if (this.#left >= 0) {
      this.#left -= size;
      if (this.#left < 0) return this.#wrongLength(`${-this.#left} bytes more`);
    }
    this.#movedMs = this.#owner.now();
    this.#isBlocked = !this.#owner.machine.data(this.#stream!, chunk);
    return !this.#isBlocked;
  }

  end(trailers?: HeaderList): void {
    if (this.#isSent || this.#isOver) return;
    if (this.#left > 0) {
      this.#wrongLength(`${this.#left} bytes fewer`);
      return;
    }
    const fault = trailers && faultOfFields(trailers);
    if (fault !== undefined) return this.#break(fault);
    this.#isSent = true;
    this.#movedMs = this.#owner.now();
    this.#owner.machine.end(this.#stream!, trailers);
    this.#noteTimes();
  }

  abort(cause: Failure): void {
    if (this.#isSent) return;
    this.#isSent = true;
    this.#break(cause);
  }

  ready(): void {
    this.#movedMs = this.#owner.now();
    this.#isBlocked = false;
    if (!this.#isSent) this.onReady?.();
  }

  #wrongLength(how: string): boolean {
    this.#break(new Failure("gateway.bad_length", `sending a request's body: it has ${how} than its length said`));
    return false;
  }

  /** The upstream takes no more of it. */
  #stopBody(cause: Failure): void {
    if (this.#isSent) return;
    this.#isSent = true;
    this.onCancel?.(cause);
  }

  // The reply's body.

  onBodyStarted(): void {
    this.#moved();
  }

  onBodyTaken(): void {
    this.#moved();
  }

  onBodyEnded(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.asked.over(undefined);
    if (this.#isSent) return;
    this.#owner.machine.end(this.#stream!); // a WebSocket whose other side has ended is over
    this.#stopBody(new Failure("gateway.upstream_closed", "the upstream has ended the connection"));
  }

  onBodyUnwanted(cause: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reset();
    this.#stopBody(cause);
    this.asked.over(cause);
  }

  // What the connection calls.

  informed(head: ReplyHead): void {
    this.#moved();
    this.asked.inform(head);
  }

  replied(head: ReplyHead, isEnded: boolean): void {
    this.#moved();
    if (this.#isSent) this.asked.kept?.forget();
    const source = new IncomingBody(this.#owner.machine, this.#stream!, this, isEnded);
    this.#incoming = source;
    const isTunnel = this.asked.request.head.protocol !== undefined;
    if (isTunnel && head.status < 300 && !isEnded) {
      this.#isSent = false; // from now on the sink carries the WebSocket's bytes
      return this.asked.upgrade(head, { source, sink: this });
    }
    this.asked.reply(head, source);
    if (isTunnel)
      this.#owner.machine.end(this.#stream!); // it was refused: nothing goes the other way
    else if (isEnded) this.#repliedEarly();
  }

  received(chunk: Uint8Array): void {
    this.#moved();
    this.#incoming!.received(chunk); // the machine tells no body before its head
  }

  receivedEnd(trailers: HeaderList | undefined): void {
    this.#incoming!.receivedEnd(trailers);
    if (this.asked.request.head.protocol === undefined) this.#repliedEarly();
  }

  /** The reply is whole: the rest of the request is of no use to anybody. */
  #repliedEarly(): void {
    if (this.#isSent) return;
    this.#stopBody(new Failure("gateway.upstream_closed", "the upstream replied before the end of the request"));
    this.#reset();
  }

  /** The stream was cut, or the connection is gone: another connection may do what this one did not. */
  failed(failure: Failure, isUnsent: boolean): void {
    if (this.#isOver) return;
    const { asked } = this;
    if (this.#incoming?.isReceived) {
      // Its reply is whole. Whoever speaks through a WebSocket hears of it behind the last byte, else he would cut that off.
      if (asked.request.head.protocol === undefined) this.#stopBody(failure);
      return;
    }
    if (!asked.isAnswered && this.#mayRepeat(failure, isUnsent)) {
      this.#stopBody(failure); // what is kept of it goes out again
      if (this.#owner.again(asked, isUnsent)) {
        this.#isOver = true;
        return;
      }
    }
    this.#fail(failure, isUnsent);
  }

  #mayRepeat(failure: Failure, isUnsent: boolean): boolean {
    if (isUnsent) return this.asked.kept?.canRepeat ?? true;
    const isStale = this.#owner.hasServed && failure.retryable;
    return isStale && !this.#wasStarted && isIdempotent(this.asked.request.head.method);
  }

  #fail(failure: Failure, isUnsent: boolean): void {
    this.#isOver = true;
    const { asked } = this;
    this.#stopBody(failure);
    if (!asked.isAnswered) return asked.fail(failure, isUnsent);
    this.#incoming?.break(failure);
    asked.over(failure);
  }

  // Time.

  #moved(): void {
    this.#movedMs = this.#owner.now();
    const { idleMs } = this.asked.request.timeouts;
    if (idleMs !== undefined) this.#owner.note(this.#movedMs + idleMs);
  }

  #noteTimes(): void {
    const { headMs, totalMs } = this.asked.request.timeouts;
    if (headMs !== undefined && this.#isSent) this.#owner.note(this.#movedMs + headMs);
    if (totalMs !== undefined) this.#owner.note(this.asked.startedMs + totalMs);
  }

  /** Ends what is due; gives back when the next may be. */
  sweep(nowMs: number): number {
    if (this.#isOver) return NEVER;
    const { headMs, idleMs, totalMs } = this.asked.request.timeouts;
    const isTunnel = this.asked.isAnswered && this.asked.request.head.protocol !== undefined;
    const totalDueMs = totalMs === undefined || isTunnel ? NEVER : this.asked.startedMs + totalMs;
    const silentDueMs = this.#silentDueMs(headMs ?? NEVER, idleMs ?? NEVER);
    const dueMs = Math.min(totalDueMs, silentDueMs);
    if (dueMs > nowMs) return dueMs;
    const isTotal = totalDueMs <= silentDueMs;
    const awaited = this.asked.isAnswered ? `more of its reply within ${idleMs} ms` : `its reply within ${headMs} ms`;
    const what = isTotal ? `its end within ${totalMs} ms` : awaited;
    if (!isTotal) this.#owner.onSilence();
    this.#break(
      new Failure("gateway.upstream_timeout", `waiting for the upstream: ${what} was required`, { retryable: true }),
    );
    return NEVER;
  }

  /** Only while the upstream is the one who is waited for. */
  #silentDueMs(headMs: number, idleMs: number): number {
    if (this.asked.isAnswered) return this.#incoming?.isAwaited ? this.#movedMs + idleMs : NEVER;
    return this.#isSent || this.#isBlocked ? this.#movedMs + headMs : NEVER;
  }
}

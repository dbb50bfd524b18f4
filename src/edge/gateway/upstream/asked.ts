/**
 * One request on its way through a pool: what was asked, and the one place that sees to it that the asker hears exactly one answer and,
 * after it, one end. Connections call it; they need not remember who has been told what.
 */
import { assert, type Failure } from "../../../base/errors.ts";
import type { BodySource, RawStream, ReplyHead } from "../../../wire/http/index.ts";
import type { UpstreamCall, UpstreamEvents, UpstreamRequest } from "../words/index.ts";
import type { KeptBody } from "./kept-body.ts";

/** What a request waits in before a connection has it. */
export interface WaitingRoom {
  leave(asked: Asked): void;
}

/** What it lies with once it has a connection. */
export interface Bearer {
  cancel(asked: Asked, cause: Failure): void;
}

export class Asked implements UpstreamCall {
  readonly request: UpstreamRequest;
  /** By the monotonic clock; the total time-out runs from here. */
  readonly startedMs: number;
  /** The connection that it lies with, set by whoever hands it over. */
  connection: Bearer | undefined;
  room: WaitingRoom | undefined;
  /** Since when it has waited for a connection; again after one died under it. */
  waitingSinceMs: number;
  /** Times that it went out again because a connection died under it. */
  agains = 0;
  /** Its body, as long as the request may have to go out again: of HTTP/2, whose upstreams refuse what they have not begun. */
  kept: KeptBody | undefined;
  readonly #events: UpstreamEvents;
  #isAnswered = false;
  #isOver = false;

  constructor(request: UpstreamRequest, events: UpstreamEvents, startedMs: number) {
    this.request = request;
    this.#events = events;
    this.startedMs = startedMs;
    this.waitingSinceMs = startedMs;
  }

  /** Also after a cancellation: nothing that is told now is heard. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  inform(head: ReplyHead): void {
    if (!this.#isAnswered) this.#events.onInform?.(head);
  }

  reply(head: ReplyHead, body: BodySource): void {
    if (this.#isOver) return;
    assert(!this.#isAnswered, "a request is answered once");
    this.#isAnswered = true;
    this.kept?.settle();
    this.#events.onReply(head, body);
  }

  upgrade(head: ReplyHead, stream: RawStream): void {
    if (this.#isOver) return;
    assert(!this.#isAnswered && this.#events.onUpgrade !== undefined, "only who asked for a protocol is upgraded");
    this.#isAnswered = true;
    this.#events.onUpgrade(head, stream);
  }

  /** Instead of an answer. After an answer, what broke goes to the sink of the reply's body and to `over`. */
  fail(failure: Failure, isUnsent: boolean): void {
    if (this.#isOver) return;
    assert(!this.#isAnswered, "who was answered does not fail");
    this.#isAnswered = true;
    this.#isOver = true;
    this.kept?.settle();
    this.#events.onFailure(failure, isUnsent);
  }

  /** After an answer: nothing more of it comes; without a cause it came whole. */
  over(cause: Failure | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.onOver?.(cause);
  }

  cancel(cause: Failure): void {
    if (this.#isOver) return;
    this.#isAnswered = true;
    this.#isOver = true;
    this.room?.leave(this);
    this.connection?.cancel(this, cause);
    this.kept?.settle();
  }
}

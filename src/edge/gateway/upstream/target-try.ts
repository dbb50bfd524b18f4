/** One try at one target: sees to it that the target is held to account for it once, whatever becomes of it. */
import type { Failure } from "../../../base/errors.ts";
import { type BodySource, headerOf, type RawStream, type ReplyHead } from "../../../wire/http/index.ts";
import type { UpstreamCall, UpstreamEvents } from "../words/index.ts";
import type { Chooser, Chosen } from "./chooser.ts";
import type { TargetState } from "./target-state.ts";

/** The call that it is a try of. */
export interface TryOwner {
  readonly chooser: Chooser;
  now(): number;
  informed(from: TargetTry, head: ReplyHead): void;
  replied(from: TargetTry, head: ReplyHead, body: BodySource): void;
  upgraded(from: TargetTry, head: ReplyHead, stream: RawStream): void;
  failed(from: TargetTry, failure: Failure, isUnsent: boolean): void;
  over(from: TargetTry, cause: Failure | undefined): void;
}

/** Failures that are not the target's: of the client, of what it sent, of our own rules. */
const TARGET_FAULTS: ReadonlySet<string> = new Set([
  "gateway.connect_failed",
  "gateway.upstream_timeout",
  "gateway.upstream_closed",
  "gateway.upstream_protocol",
]);

/** gRPC's UNAVAILABLE: what 503 is to others. */
const GRPC_UNAVAILABLE = "14";

export class TargetTry implements UpstreamEvents {
  readonly state: TargetState;
  call: UpstreamCall | undefined;
  readonly #owner: TryOwner;
  readonly #ticket: number;
  readonly #startedMs: number;
  #isJudged = false;
  #isOver = false;
  #isOk = true;
  #headMs: number | undefined;

  constructor(owner: TryOwner, { state, ticket }: Chosen, startedMs: number) {
    this.state = state;
    this.#owner = owner;
    this.#ticket = ticket;
    this.#startedMs = startedMs;
    owner.chooser.started(state, startedMs);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  onInform(head: ReplyHead): void {
    this.#owner.informed(this, head);
  }

  onReply(head: ReplyHead, body: BodySource): void {
    this.#answered(faultOf(head));
    this.#owner.replied(this, head, body);
  }

  onUpgrade(head: ReplyHead, stream: RawStream): void {
    this.#answered(undefined);
    this.#owner.upgraded(this, head, stream);
  }

  onFailure(failure: Failure, isUnsent: boolean): void {
    const nowMs = this.#owner.now();
    if (TARGET_FAULTS.has(failure.code)) this.#judge(failure.code, nowMs);
    else this.#acquit(nowMs);
    this.#end(nowMs);
    this.#owner.failed(this, failure, isUnsent);
  }

  onOver(cause: Failure | undefined): void {
    if (cause !== undefined && TARGET_FAULTS.has(cause.code)) this.#isOk = false;
    this.#end(this.#owner.now());
    this.#owner.over(this, cause);
  }

  /** Nobody waits for it any more. */
  cancel(cause: Failure): void {
    if (this.#isOver) return;
    const nowMs = this.#owner.now();
    this.#acquit(nowMs);
    this.#end(nowMs);
    this.call?.cancel(cause);
  }

  #answered(fault: string | undefined): void {
    if (this.#isJudged) return; // it was cancelled before it could be told so
    const nowMs = this.#owner.now();
    this.#headMs = nowMs - this.#startedMs;
    this.state.latency.record(this.#headMs);
    if (fault !== undefined) return this.#judge(fault, nowMs);
    this.#isJudged = true;
    this.state.succeeded(this.#ticket, nowMs);
  }

  #judge(fault: string, nowMs: number): void {
    this.#isJudged = true;
    this.#isOk = false;
    this.state.blamed(this.#ticket, fault, nowMs);
  }

  #acquit(nowMs: number): void {
    if (this.#isJudged) return;
    this.#isJudged = true;
    this.state.cancelled(this.#ticket, nowMs);
  }

  #end(nowMs: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.chooser.ended(this.state, this.#isOk, this.#headMs ?? nowMs - this.#startedMs, nowMs);
  }
}

/** 501 and 505 say something of the request. */
function faultOf({ headers, status }: ReplyHead): string | undefined {
  if (status >= 500) return status === 501 || status === 505 ? undefined : `status ${status}`;
  const isUnavailable = status === 200 && headerOf(headers, "grpc-status") === GRPC_UNAVAILABLE;
  return isUnavailable ? "grpc-status 14" : undefined;
}

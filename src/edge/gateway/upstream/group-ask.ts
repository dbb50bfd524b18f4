/**
 * One request to a group of targets, from its first try to the answer that is passed on. A further try is made only where it does no harm:
 * the upstream cannot have begun with the request, or it may be sent twice; its body is still there from the beginning;
 * no byte of a reply has been passed on; there is time; and the budget of the route allows it. Of a request and its hedge the
 * first answer counts, and the other one is cancelled.
 */
import type { Timer } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { backoffDelayMs } from "../../../protocol/retry/index.ts";
import {
  type BodySource,
  headerOf,
  type RawStream,
  type ReplyHead,
  type RequestHead,
} from "../../../wire/http/index.ts";
import type { TargetPlan, UpstreamTimeouts } from "../words/index.ts";
import type { Chooser, Chosen } from "./chooser.ts";
import { discard } from "./discard.ts";
import type { GroupParts } from "./group-parts.ts";
import type { GroupCall, GroupEvents, GroupRequest, TryReason } from "./group-words.ts";
import type { Hedged } from "./hedge-timers.ts";
import { isIdempotent } from "./http1-request.ts";
import { KeptBody } from "./kept-body.ts";
import { TargetTry, type TryOwner } from "./target-try.ts";

/** Before a target is tried again that has just failed: it may be restarting. Others are tried at once. */
const BACKOFF = { initialMs: 25, maxMs: 250 };

/** What another try can mend. */
const MENDABLE: ReadonlySet<string> = new Set([
  "gateway.connect_failed",
  "gateway.upstream_busy",
  "gateway.upstream_timeout",
  "gateway.upstream_closed",
  "gateway.upstream_protocol",
]);

export class GroupAsk implements GroupCall, TryOwner, Hedged {
  tries = 0;
  target: TargetPlan | undefined;
  /** It was answered, has failed or was cancelled. */
  isDone = false;
  readonly #parts: GroupParts;
  readonly #request: GroupRequest;
  readonly #events: GroupEvents;
  readonly #startedMs: number;
  readonly #body: KeptBody | BodySource | undefined;
  #tried: Set<string> | undefined;
  /** Under way, without an answer. */
  #open: TargetTry[] = [];
  #winner: TargetTry | undefined;
  #hedged: TargetTry | undefined;
  #retries = 0;
  #backoff: Timer | undefined;

  constructor(parts: GroupParts, request: GroupRequest, events: GroupEvents, body: KeptBody | BodySource | undefined) {
    this.#parts = parts;
    this.#request = request;
    this.#events = events;
    this.#body = body;
    this.#startedMs = parts.clock.monotonic();
  }

  get chooser(): Chooser {
    return this.#parts.chooser;
  }

  begin(): void {
    this.#parts.budget.called(this.#startedMs);
    const chosen = this.chooser.choose(this.#request, undefined, this.#startedMs);
    if (chosen instanceof Failure) {
      this.#parts.counts.noTarget++;
      this.#fail(chosen, true);
      return;
    }
    this.#try(chosen, "first", this.#startedMs);
    if (!this.isDone) this.#parts.hedges?.add(this, this.#startedMs);
  }

  cancel(cause: Failure): void {
    this.#finish();
    this.#giveUpBody();
    this.#winner?.cancel(cause);
    for (const open of this.#open.splice(0)) open.cancel(cause);
  }

  now(): number {
    return this.#parts.clock.monotonic();
  }

  /** A second try beside the first one, if that is still silent. */
  hedge(): void {
    const nowMs = this.now();
    const open = this.#open[0];
    if (open === undefined || this.#open.length > 1 || !this.#isRepeatable(open) || !this.#isBodyWhole()) return;
    const chosen = this.chooser.another(this.#request, this.#triedWith(open), nowMs);
    if (chosen === undefined) return;
    if (!this.#parts.budget.take(nowMs)) {
      chosen.state.cancelled(chosen.ticket, nowMs);
      this.#parts.counts.unbudgeted++;
      return;
    }
    this.#parts.counts.hedges++;
    this.#hedged = this.#try(chosen, "hedge", nowMs);
  }

  informed(from: TargetTry, head: ReplyHead): void {
    if (!this.isDone && this.#open.length === 1 && from === this.#open[0]) this.#events.onInform?.(head);
  }

  replied(from: TargetTry, head: ReplyHead, body: BodySource): void {
    if (this.isDone) return discard(body);
    if (this.#parts.settings.retryOn.includes(head.status) && this.#goesOn(from, undefined, false))
      return discard(body);
    this.#win(from);
    this.#events.onReply(head, body);
  }

  upgraded(from: TargetTry, head: ReplyHead, stream: RawStream): void {
    this.#win(from);
    this.#events.onUpgrade?.(head, stream);
  }

  failed(from: TargetTry, failure: Failure, isUnsent: boolean): void {
    if (this.isDone || this.#goesOn(from, failure, isUnsent)) return;
    this.#fail(failure, isUnsent);
  }

  over(from: TargetTry, cause: Failure | undefined): void {
    if (from === this.#winner) this.#events.onOver?.(cause);
  }

  /** Whether there is or will be another try whose answer is waited for. */
  #goesOn(from: TargetTry, failure: Failure | undefined, isUnsent: boolean): boolean {
    const at = this.#open.indexOf(from);
    if (at >= 0) this.#open.splice(at, 1);
    if (this.#open.length > 0) return true;
    if (this.#mayRetry(from, failure, isUnsent) && this.#beginRetry(from, isUnsent)) return true;
    if (failure === undefined) this.#open.push(from); // its answer is the one that counts
    return false;
  }

  #mayRetry(from: TargetTry, failure: Failure | undefined, isUnsent: boolean): boolean {
    const { counts, settings } = this.#parts;
    if (this.#retries >= settings.retries || (failure !== undefined && !MENDABLE.has(failure.code))) return false;
    if (!isUnsent && !this.#isRepeatable(from)) return false;
    if (this.#leftMs() <= 0) return false;
    if (this.#body instanceof KeptBody && !this.#body.canRepeat) {
      counts.unkept++;
      return false;
    }
    return true;
  }

  /** Another target at once, one that was tried after a back-off. What was never sent is free only where nobody is asked twice. */
  #beginRetry(from: TargetTry, isUnsent: boolean): boolean {
    const { budget, clock, counts, random } = this.#parts;
    const nowMs = this.now();
    const other = this.chooser.another(this.#request, this.#triedWith(from), nowMs);
    if ((!isUnsent || other === undefined) && !budget.take(nowMs)) {
      other?.state.cancelled(other.ticket, nowMs);
      counts.unbudgeted++;
      return false;
    }
    this.#retries++;
    counts.retries++;
    if (other !== undefined) this.#try(other, "retry", nowMs);
    else this.#backoff = clock.after(backoffDelayMs(BACKOFF, this.#retries, random), () => this.#retry());
    return true;
  }

  #retry(): void {
    this.#backoff = undefined;
    const nowMs = this.now();
    const chosen = this.chooser.choose(this.#request, this.#tried, nowMs);
    if (chosen instanceof Failure) this.#fail(chosen, true);
    else this.#try(chosen, "retry", nowMs);
  }

  #try(chosen: Chosen, why: TryReason, nowMs: number): TargetTry {
    const { plan } = chosen.state;
    const attempt = new TargetTry(this, chosen, nowMs);
    this.tries++;
    this.target = plan;
    this.#open.push(attempt);
    this.#events.onTry?.(plan, why);
    const body = this.#body instanceof KeptBody ? this.#body.open() : this.#body;
    attempt.call = this.#ask(plan, this.#request.headFor(plan), body, attempt);
    return attempt;
  }

  #ask(plan: TargetPlan, head: RequestHead, body: BodySource | undefined, attempt: TargetTry): TargetTry["call"] {
    const { named, settings, upstreams } = this.#parts;
    const timeouts = this.#timeouts();
    const { context } = this.#request;
    const resends = this.tries - 1;
    if (plan.kind !== "origin") return named.ask(plan, { head, body, timeouts, context, resends }, attempt);
    const isOwn = settings.targets.includes(plan);
    const isDynamic = plan.isDynamic || !isOwn;
    const origin = isDynamic ? (this.#request.originFor?.(plan) ?? plan.origin) : plan.origin;
    const { tls, version } = settings;
    return upstreams.ask({ origin, head, body, timeouts, isDynamic, tls, version, resends }, attempt);
  }

  #timeouts(): UpstreamTimeouts {
    const { timeouts } = this.#parts.settings;
    if (this.tries === 1 && this.#request.timeoutMs === undefined) return timeouts;
    const leftMs = this.#leftMs();
    return leftMs === Number.POSITIVE_INFINITY ? timeouts : { ...timeouts, totalMs: Math.max(1, leftMs) };
  }

  #leftMs(): number {
    const { totalMs = Number.POSITIVE_INFINITY } = this.#parts.settings.timeouts;
    const { timeoutMs = Number.POSITIVE_INFINITY } = this.#request;
    return Math.min(totalMs, timeoutMs) - (this.now() - this.#startedMs);
  }

  /** May it be sent twice? */
  #isRepeatable(from: TargetTry): boolean {
    const { isIdempotent: isTold } = this.#request;
    if (isTold !== undefined) return isTold;
    const { headers, method, protocol } = this.#request.headFor(from.state.plan);
    return protocol === undefined && (isIdempotent(method) || headerOf(headers, "idempotency-key") !== undefined);
  }

  #isBodyWhole(): boolean {
    return this.#body === undefined || (this.#body instanceof KeptBody && this.#body.isWhole);
  }

  #triedWith(from: TargetTry): ReadonlySet<string> {
    this.#tried ??= new Set();
    return this.#tried.add(from.state.id);
  }

  #win(from: TargetTry): void {
    this.#winner = from;
    this.target = from.state.plan;
    if (from === this.#hedged) this.#parts.counts.hedgesWon++;
    this.#finish();
    for (const open of this.#open.splice(0)) {
      if (open !== from) open.cancel(new Failure("gateway.outrun", "another target has answered first"));
    }
  }

  #fail(failure: Failure, isUnsent: boolean): void {
    this.#finish();
    this.#giveUpBody();
    this.#events.onFailure(failure, isUnsent);
  }

  #giveUpBody(): void {
    if (this.#body instanceof KeptBody) this.#body.giveUp();
  }

  #finish(): void {
    this.isDone = true;
    this.#backoff?.cancel();
    this.#parts.hedges?.remove(this);
    if (this.#body instanceof KeptBody) this.#body.settle();
  }
}

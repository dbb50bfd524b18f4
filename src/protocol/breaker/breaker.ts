/**
 * The circuit breaker as a machine (Nygard, "Release It!"): closed lets every call through and counts failures; too many
 * open it, and it refuses at once; after a while it is half-open and lets a few probes through, whose results close it or
 * open it again.
 *
 * Each call that is let through has a *ticket*. Its result counts only while the state that let it through lasts: the late
 * failure of a call from before the recovery does not open it again. A probe holds its place until it is answered for, so
 * a call that is never tried is given back (`cancelled`), and one that never ends is ended by `timeoutMs`: a probe that is
 * forgotten must not keep it half-open for ever.
 * Not here: the calls, timers, what the caller does instead.
 */
import { assert } from "../../base/errors.ts";
import { assertValidBreaker, type BreakerOptions } from "./options.ts";
import { RateWindow } from "./rate-window.ts";

export type BreakerState = "closed" | "open" | "half_open";

export type BreakerInput =
  | { readonly type: "succeeded"; readonly ticket: number }
  | { readonly type: "failed"; readonly ticket: number; readonly reason: string }
  /** It says nothing about whoever was called: it was never tried, or its caller gave up. */
  | { readonly type: "cancelled"; readonly ticket: number }
  /** Somebody knows better: open it, however few calls have failed. */
  | { readonly type: "trip"; readonly reason: string }
  /** There is hope: one that is open lets its probes through now. Else nothing. */
  | { readonly type: "probe"; readonly reason: string }
  /** Whoever is called is another now: close it and forget the past. */
  | { readonly type: "reset" }
  | { readonly type: "tick" };

export interface BreakerEffect {
  readonly type: "changed";
  readonly from: BreakerState;
  readonly to: BreakerState;
  /** When it was due, which may be before the input that brought it about. */
  readonly atMs: number;
  readonly reason: string;
}

export type BreakerDecision =
  | { readonly type: "admitted"; readonly ticket: number; readonly probe: boolean }
  /** `retryAfterMs`: when asking again can help; undefined when that hangs on a probe under way. */
  | { readonly type: "refused"; readonly retryAfterMs: number | undefined; readonly lastFailure: string };

export interface BreakerCounts {
  readonly admitted: number;
  readonly refused: number;
  readonly succeeded: number;
  /** Of these `timedOut` had no result in time. */
  readonly failed: number;
  readonly timedOut: number;
  readonly cancelled: number;
  /** Results that came when their call did not count any more. */
  readonly late: number;
  /** Times it went open. */
  readonly opened: number;
}

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #window: RateWindow | undefined;
  readonly #counts = {
    admitted: 0,
    refused: 0,
    succeeded: 0,
    failed: 0,
    timedOut: 0,
    cancelled: 0,
    late: 0,
    opened: 0,
  };
  #state: BreakerState = "closed";
  #tickets = 0;
  /** Tickets that this state has given out and that are not answered for, oldest first, with when they time out. */
  readonly #calls = new Map<number, number>();
  /** Failures in a row while closed, successes in a row while half-open. */
  #inARow = 0;
  #openUntilMs = 0;
  #lastFailure = "";
  #nowMs = Number.NEGATIVE_INFINITY;
  #effects: BreakerEffect[] = [];

  constructor(options: BreakerOptions) {
    assertValidBreaker(options);
    this.#options = options;
    this.#window = options.rate && new RateWindow(options.rate);
  }

  /** As of the last input. */
  get state(): BreakerState {
    return this.#state;
  }

  /** Why the last call failed, in words; empty when none has. */
  get lastFailure(): string {
    return this.#lastFailure;
  }

  counts(): BreakerCounts {
    return { ...this.#counts };
  }

  /** When a tick is due; undefined when nothing is timed. Without one, the next input makes up for it. */
  get nextDeadlineMs(): number | undefined {
    if (this.#state === "open") return this.#openUntilMs;
    if (this.#options.timeoutMs === undefined) return undefined; // nobody looks through the calls for what none of them has
    const [dueMs = Number.POSITIVE_INFINITY] = this.#calls.values();
    return dueMs === Number.POSITIVE_INFINITY ? undefined : dueMs;
  }

  /** May a call be made now? */
  admit(nowMs: number): { readonly decision: BreakerDecision; readonly effects: readonly BreakerEffect[] } {
    this.#begin(nowMs);
    const decision = this.#decide();
    return { decision, effects: this.#effects };
  }

  step(input: BreakerInput, nowMs: number): readonly BreakerEffect[] {
    this.#begin(nowMs);
    if (input.type === "trip") this.#trip(input.reason);
    else if (input.type === "reset") this.#reset();
    else if (input.type === "probe") this.#probe(input.reason);
    else if (input.type !== "tick") this.#answer(input);
    return this.#effects;
  }

  /** Whatever has fallen due happens first, each at its own time: how often it is ticked makes no difference. */
  #begin(nowMs: number): void {
    assert(nowMs >= this.#nowMs, () => `time went back from ${this.#nowMs} to ${nowMs} ms`);
    this.#effects = [];
    for (let dueMs = this.nextDeadlineMs; dueMs !== undefined && dueMs <= nowMs; dueMs = this.nextDeadlineMs) {
      this.#nowMs = dueMs;
      if (this.#state === "open") this.#become("half_open", `it was open for ${this.#options.halfOpenAfterMs} ms`);
      else this.#timeOut();
    }
    this.#nowMs = nowMs;
  }

  #decide(): BreakerDecision {
    const { halfOpenCalls = 1, timeoutMs = Number.POSITIVE_INFINITY } = this.#options;
    const isFull = this.#state === "half_open" && this.#calls.size >= halfOpenCalls;
    if (this.#state === "open" || isFull) {
      this.#counts.refused++;
      const dueMs = this.nextDeadlineMs;
      const retryAfterMs = dueMs === undefined ? undefined : dueMs - this.#nowMs;
      return { type: "refused", retryAfterMs, lastFailure: this.#lastFailure };
    }
    this.#counts.admitted++;
    const ticket = ++this.#tickets;
    this.#calls.set(ticket, this.#nowMs + timeoutMs);
    return { type: "admitted", ticket, probe: this.#state === "half_open" };
  }

  #answer(input: Extract<BreakerInput, { ticket: number }>): void {
    const { ticket, type } = input;
    assert(ticket >= 1 && ticket <= this.#tickets, () => `ticket ${ticket} was never given out`);
    if (!this.#calls.delete(ticket)) this.#counts.late++;
    else if (type === "failed") this.#failed(input.reason);
    else if (type === "succeeded") this.#succeeded();
    else this.#counts.cancelled++;
  }

  #timeOut(): void {
    const [ticket] = this.#calls.keys();
    this.#calls.delete(ticket!);
    this.#counts.timedOut++;
    this.#failed(`no result within ${this.#options.timeoutMs} ms`);
  }

  #succeeded(): void {
    const { successThreshold = 1 } = this.#options;
    this.#counts.succeeded++;
    if (this.#state === "closed") {
      this.#inARow = 0;
      this.#window?.add(false, this.#nowMs);
    } else if (++this.#inARow >= successThreshold) this.#close(`${times(successThreshold, "probe")} succeeded`);
  }

  #failed(reason: string): void {
    this.#counts.failed++;
    this.#lastFailure = reason;
    if (this.#state === "half_open") return this.#open(`a probe failed: ${reason}`);
    this.#inARow++;
    this.#window?.add(true, this.#nowMs);
    const { failureThreshold = Number.POSITIVE_INFINITY, rate } = this.#options;
    if (this.#inARow >= failureThreshold) this.#open(`${times(this.#inARow, "failure")} in a row: ${reason}`);
    else if (this.#window?.exceeded(this.#nowMs))
      this.#open(`${percent(rate!.failureRate)} of calls or more failed: ${reason}`);
  }

  #trip(reason: string): void {
    this.#lastFailure = reason;
    this.#open(reason);
  }

  #probe(reason: string): void {
    if (this.#state === "open") this.#become("half_open", reason);
  }

  #reset(): void {
    this.#lastFailure = "";
    this.#close("it was reset");
  }

  /** Also when it is open: then it stays so for its full time from now. */
  #open(reason: string): void {
    this.#openUntilMs = this.#nowMs + this.#options.halfOpenAfterMs;
    if (this.#state === "open") return;
    this.#counts.opened++;
    this.#become("open", reason);
  }

  #close(reason: string): void {
    this.#window?.clear();
    this.#become("closed", reason);
  }

  #become(to: BreakerState, reason: string): void {
    if (to !== this.#state) this.#effects.push({ type: "changed", from: this.#state, to, atMs: this.#nowMs, reason });
    this.#state = to;
    this.#inARow = 0;
    this.#calls.clear();
  }
}

function times(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/**
 * A second, dumber breaker for the tests: it lives through every millisecond, keeps everything that ever happened in
 * lists, and counts them anew each time it is asked. Whole milliseconds only.
 */
import type {
  BreakerDecision,
  BreakerInput,
  BreakerOptions,
  BreakerState,
} from "../../../../src/protocol/breaker/index.ts";

interface Call {
  readonly admittedMs: number;
  /** Which state it was, counted from the first. */
  readonly era: number;
  answered: boolean;
}

interface Result {
  readonly atMs: number;
  readonly era: number;
  readonly ok: boolean;
}

export class ModelBreaker {
  readonly eras: { readonly state: BreakerState; readonly atMs: number }[] = [{ state: "closed", atMs: 0 }];
  readonly #options: BreakerOptions;
  readonly #calls: Call[] = [];
  #results: Result[] = [];
  #openedMs = 0;
  #nowMs = 0;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.eras.at(-1)!.state;
  }

  liveUntil(nowMs: number): void {
    while (this.#nowMs < nowMs) {
      this.#nowMs++;
      this.#due();
    }
  }

  admit(): BreakerDecision["type"] {
    const { halfOpenCalls = 1 } = this.#options;
    const underWay = this.#calls.filter((call) => this.#counts(call)).length;
    if (this.state === "open" || (this.state === "half_open" && underWay >= halfOpenCalls)) return "refused";
    this.#calls.push({ admittedMs: this.#nowMs, era: this.#era, answered: false });
    return "admitted";
  }

  give(input: BreakerInput): void {
    if (input.type === "trip") {
      this.#openedMs = this.#nowMs;
      if (this.state !== "open") this.#enter("open");
    } else if (input.type === "reset") this.#enter("closed");
    else if (input.type === "probe") {
      if (this.state === "open") this.#enter("half_open");
    } else if (input.type !== "tick") {
      const call = this.#calls[input.ticket - 1]!;
      if (!this.#counts(call)) return;
      call.answered = true;
      if (input.type !== "cancelled") this.#result(input.type === "succeeded");
    }
  }

  get #era(): number {
    return this.eras.length - 1;
  }

  #counts({ answered, era }: Call): boolean {
    return !answered && era === this.#era;
  }

  #due(): void {
    const { halfOpenAfterMs, timeoutMs = Number.POSITIVE_INFINITY } = this.#options;
    if (this.state === "open" && this.#nowMs >= this.#openedMs + halfOpenAfterMs) this.#enter("half_open");
    for (const call of this.#calls) {
      if (!this.#counts(call) || this.#nowMs < call.admittedMs + timeoutMs) continue;
      call.answered = true;
      this.#result(false);
    }
  }

  #result(ok: boolean): void {
    this.#results.push({ atMs: this.#nowMs, era: this.#era, ok });
    const now = this.#results.filter(({ era }) => era === this.#era);
    const row = now.length - (now.findLastIndex((each) => each.ok !== ok) + 1);
    if (this.state === "half_open" && !ok) this.#enter("open");
    else if (this.state === "half_open" && row >= (this.#options.successThreshold ?? 1)) this.#enter("closed");
    else if (this.state === "closed" && !ok && this.#isTooMuch(row, now)) this.#enter("open");
  }

  #isTooMuch(row: number, results: readonly Result[]): boolean {
    const { failureThreshold = Number.POSITIVE_INFINITY, rate } = this.#options;
    if (row >= failureThreshold) return true;
    if (!rate) return false;
    const tenthOf = (atMs: number): number => Math.floor(atMs / (rate.windowMs / 10));
    const recent = results.filter(({ atMs }) => tenthOf(this.#nowMs) - tenthOf(atMs) < 10);
    const failures = recent.filter(({ ok }) => !ok).length;
    return recent.length >= rate.minimumCalls && failures / recent.length >= rate.failureRate;
  }

  #enter(state: BreakerState): void {
    this.eras.push({ state, atMs: this.#nowMs });
    if (state === "open") this.#openedMs = this.#nowMs;
  }
}

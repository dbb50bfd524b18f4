/** Who is full says so here, and for how long asking is in vain: its clients get 429 with Retry-After instead of a place in a queue. */
export class Pressure {
  readonly #until = new Map<string, number>();

  /** `name` takes nothing before `retryMs` have passed; 0: it takes again. */
  report(name: string, retryMs: number, nowMs: number): void {
    if (retryMs > 0) this.#until.set(name, nowMs + retryMs);
    else this.#until.delete(name);
  }

  /** 0: go on. What was said is forgotten when its time is over. */
  retryMs(name: string, nowMs: number): number {
    if (this.#until.size === 0) return 0;
    const untilMs = this.#until.get(name);
    if (untilMs === undefined) return 0;
    if (untilMs > nowMs) return untilMs - nowMs;
    this.#until.delete(name);
    return 0;
  }
}

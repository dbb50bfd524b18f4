/** Files whose rules have to be killed again and again rest for a while: each kill costs the start of a process, which other rules pay for. */
import { REST_MS, STRIKES_MAX, STRIKES_MS } from "./limits.ts";

export class Strikes {
  readonly #kills = new Map<number, number[]>();
  readonly #restsUntil = new Map<number, number>();

  kill(file: number, nowMs: number): void {
    const recent = (this.#kills.get(file) ?? []).filter((atMs) => nowMs - atMs < STRIKES_MS);
    recent.push(nowMs);
    this.#kills.set(file, recent);
    if (recent.length < STRIKES_MAX) return;
    this.#kills.delete(file);
    this.#restsUntil.set(file, nowMs + REST_MS);
  }

  rests(file: number, nowMs: number): boolean {
    if (this.#restsUntil.size === 0) return false;
    const untilMs = this.#restsUntil.get(file);
    if (untilMs === undefined) return false;
    if (untilMs > nowMs) return true;
    this.#restsUntil.delete(file);
    return false;
  }
}

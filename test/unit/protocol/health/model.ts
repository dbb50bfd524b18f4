/**
 * A second, dumber health checker for the tests: it lives through every millisecond and keeps all answers in a list. Whole
 * milliseconds only; the first check comes at once.
 */
import type { HealthInput, HealthOptions, HealthState } from "../../../../src/protocol/health/index.ts";

export type CompleteOptions = { readonly [key in keyof HealthOptions]-?: number };

export class ModelChecker {
  readonly changes: (readonly [HealthState, number])[] = [];
  /** When each check began. */
  readonly begunMs: number[] = [];
  state: HealthState = "unknown";
  readonly #options: CompleteOptions;
  #answers: boolean[] = [];
  #isOn = false;
  #isPaused = false;
  /** Milliseconds that the check under way may still take. */
  #leftMs: number | undefined;
  #nextMs = 0;
  #nowMs = 0;

  constructor(options: CompleteOptions) {
    this.#options = options;
  }

  /** Up to and including `nowMs`; nobody ticked in between, so no check begins before that. */
  liveUntil(nowMs: number): void {
    while (this.#nowMs < nowMs) {
      this.#nowMs++;
      if (this.#isPaused || this.#leftMs === undefined) continue;
      this.#leftMs--;
      if (this.#leftMs === 0) this.#answer(false);
    }
  }

  give(input: HealthInput): void {
    const isUnderWay = "check" in input && this.#leftMs !== undefined && input.check === this.begunMs.length;
    if (isUnderWay) this.#answer(input.type === "passed");
    if (input.type === "start" || input.type === "stop") {
      this.#isOn = input.type === "start";
      this.#leftMs = undefined;
      this.#nextMs = this.#nowMs;
      this.#answers = [];
      this.#become("unknown");
    }
    if (input.type === "pause") this.#isPaused = true;
    if (input.type === "resume") this.#isPaused = false;
    if (!this.#isOn || this.#isPaused || this.#leftMs !== undefined || this.#nowMs < this.#nextMs) return;
    this.#leftMs = this.#options.timeoutMs;
    this.begunMs.push(this.#nowMs);
  }

  #answer(passed: boolean): void {
    const { failureThreshold, intervalMs, successThreshold } = this.#options;
    this.#leftMs = undefined;
    this.#nextMs = this.#nowMs + intervalMs;
    this.#answers.push(passed);
    const last = (count: number): boolean[] => this.#answers.slice(-count);
    const isRow = (count: number, kind: boolean): boolean =>
      this.#answers.length >= count && last(count).every((each) => each === kind);
    if (isRow(failureThreshold, false)) this.#become("unhealthy");
    if (isRow(this.state === "unknown" ? 1 : successThreshold, true)) this.#become("healthy");
  }

  #become(state: HealthState): void {
    if (state !== this.state) this.changes.push([state, this.#nowMs]);
    this.state = state;
  }
}

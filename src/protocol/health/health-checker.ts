/**
 * Periodic health checks as a machine: it says when to check and what a row of answers means. One check at a time; the next
 * one an interval after the end of the last, so that whoever is slow is not asked more often for it.
 *
 * A check whose time is over has failed, and what it answers later is ignored: each has a number. While *paused* nobody can
 * be expected to answer: no check begins, and the clock of one under way stands still; its answer, should it come, counts.
 * Not here: the checking, timers, what becomes of somebody unhealthy.
 */
import { assert } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { assertValidHealth, type HealthOptions } from "./options.ts";

/** unknown: no check has passed yet, and too few have failed. */
export type HealthState = "unknown" | "healthy" | "unhealthy";

export type HealthInput =
  /** Checks begin. Again: whoever is checked is another now, and nothing is known of it. */
  | { readonly type: "start" }
  | { readonly type: "stop" }
  | { readonly type: "passed"; readonly check: number }
  | { readonly type: "failed"; readonly check: number; readonly reason: string }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | { readonly type: "tick" };

export type HealthEffect =
  /** Answer with `passed` or `failed` and this number. */
  | { readonly type: "check"; readonly check: number }
  | {
      readonly type: "changed";
      readonly from: HealthState;
      readonly to: HealthState;
      /** When it was due, which may be before the input that brought it about. */
      readonly atMs: number;
      readonly reason: string;
    };

export interface HealthCounts {
  /** Checks begun; one of them may be under way, and those that a start or stop cut off have no result. */
  readonly checks: number;
  readonly passed: number;
  /** Of these `timedOut` had no answer in time. */
  readonly failed: number;
  readonly timedOut: number;
  /** Answers to a check that was over. */
  readonly late: number;
}

type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "waiting"; readonly dueMs: number }
  | { readonly kind: "checking"; readonly dueMs: number };

const DEFAULTS = { failureThreshold: 3, successThreshold: 1, jitter: 1 };

const IDLE: Phase = { kind: "idle" };

export class HealthChecker {
  readonly #options: HealthOptions;
  readonly #random: Random;
  readonly #counts = { checks: 0, passed: 0, failed: 0, timedOut: 0, late: 0 };
  #phase: Phase = IDLE;
  #state: HealthState = "unknown";
  #pausedMs: number | undefined;
  /** Answers of one kind in a row. */
  #inARow = 0;
  #lastPassed = true;
  #lastFailure = "";
  #nowMs = Number.NEGATIVE_INFINITY;
  #effects: HealthEffect[] = [];

  constructor(options: HealthOptions, random: Random) {
    assertValidHealth(options);
    this.#options = options;
    this.#random = random;
  }

  /** As of the last input. */
  get state(): HealthState {
    return this.#state;
  }

  /** Why the last check failed, in words; empty when none has. */
  get lastFailure(): string {
    return this.#lastFailure;
  }

  counts(): HealthCounts {
    return { ...this.#counts };
  }

  /** When a tick is due; undefined when nothing is timed. */
  get nextDeadlineMs(): number | undefined {
    return this.#phase.kind === "idle" || this.#pausedMs !== undefined ? undefined : this.#phase.dueMs;
  }

  step(input: HealthInput, nowMs: number): readonly HealthEffect[] {
    this.#begin(nowMs);
    if (input.type === "start") this.#start();
    else if (input.type === "stop") this.#forget(IDLE, "checks have stopped");
    else if (input.type === "pause") this.#pausedMs ??= nowMs;
    else if (input.type === "resume") this.#resume();
    else if (input.type !== "tick") this.#answer(input);
    this.#checkIfDue();
    return this.#effects;
  }

  /** A check that is overdue has failed at its own time. */
  #begin(nowMs: number): void {
    assert(nowMs >= this.#nowMs, () => `time went back from ${this.#nowMs} to ${nowMs} ms`);
    this.#effects = [];
    const dueMs = this.nextDeadlineMs;
    this.#nowMs = nowMs;
    if (this.#phase.kind !== "checking" || dueMs === undefined || dueMs > nowMs) return;
    this.#counts.timedOut++;
    this.#judge(false, dueMs, `no answer within ${this.#options.timeoutMs} ms`);
  }

  /** Begins now, not when it was due: before the effect nobody could have checked anything. */
  #checkIfDue(): void {
    const dueMs = this.nextDeadlineMs;
    if (this.#phase.kind !== "waiting" || dueMs === undefined || dueMs > this.#nowMs) return;
    this.#phase = { kind: "checking", dueMs: this.#nowMs + this.#options.timeoutMs };
    this.#effects.push({ type: "check", check: ++this.#counts.checks });
  }

  #start(): void {
    const { intervalMs, jitter = DEFAULTS.jitter } = this.#options;
    const dueMs = this.#nowMs + intervalMs * jitter * this.#random.next();
    this.#forget({ kind: "waiting", dueMs }, "checks begin anew");
  }

  #forget(phase: Phase, reason: string): void {
    this.#phase = phase;
    this.#inARow = 0;
    this.#lastFailure = "";
    this.#become("unknown", this.#nowMs, reason);
  }

  #resume(): void {
    const pausedForMs = this.#nowMs - (this.#pausedMs ?? this.#nowMs);
    this.#pausedMs = undefined;
    if (this.#phase.kind === "checking") this.#phase = { kind: "checking", dueMs: this.#phase.dueMs + pausedForMs };
  }

  #answer(input: Extract<HealthInput, { check: number }>): void {
    const { check, type } = input;
    assert(check >= 1 && check <= this.#counts.checks, `check ${check} was never asked for`);
    if (this.#phase.kind !== "checking" || check !== this.#counts.checks) this.#counts.late++;
    else if (type === "passed") this.#judge(true, this.#nowMs, "");
    else this.#judge(false, this.#nowMs, input.reason);
  }

  #judge(passed: boolean, atMs: number, reason: string): void {
    const { failureThreshold = DEFAULTS.failureThreshold, intervalMs } = this.#options;
    const { successThreshold = DEFAULTS.successThreshold } = this.#options;
    this.#counts[passed ? "passed" : "failed"]++;
    if (!passed) this.#lastFailure = reason;
    this.#inARow = passed === this.#lastPassed ? this.#inARow + 1 : 1;
    this.#lastPassed = passed;
    this.#phase = { kind: "waiting", dueMs: atMs + intervalMs };
    const row = `${this.#inARow} in a row`;
    if (!passed && this.#inARow >= failureThreshold) this.#become("unhealthy", atMs, `failed ${row}: ${reason}`);
    else if (passed && (this.#state === "unknown" || this.#inARow >= successThreshold))
      this.#become("healthy", atMs, `passed ${row}`);
  }

  #become(to: HealthState, atMs: number, reason: string): void {
    if (to === this.#state) return;
    this.#effects.push({ type: "changed", from: this.#state, to, atMs, reason });
    this.#state = to;
  }
}

/**
 * One node's clocks over the world's time. The monotonic one starts anywhere and drifts; the wall clock is off by some
 * amount and jumps. `after` serves whole parts: their timers are due on the node's own clock, and the world wakes the node.
 */
import type { Clock, Timer } from "../../../src/base/clock.ts";

/** What the world shows of itself to a clock. */
export interface WorldTime {
  readonly nowMs: number;
}

/** The world's time 0 on wall clocks that are right: an arbitrary day. */
export const EPOCH_MS = Date.UTC(2030, 0, 1);

export class NodeClock {
  readonly #time: WorldTime;
  #anchorMs = 0;
  #anchorLocalMs: number;
  #rate = 1;
  #lastLocalMs: number;
  #wallOffsetMs: number;

  constructor(time: WorldTime, startLocalMs: number, wallOffsetMs: number) {
    this.#time = time;
    this.#anchorLocalMs = startLocalMs;
    this.#lastLocalMs = startLocalMs;
    this.#wallOffsetMs = wallOffsetMs;
  }

  get rate(): number {
    return this.#rate;
  }

  monotonic(): number {
    const localMs = this.#anchorLocalMs + (this.#time.nowMs - this.#anchorMs) * this.#rate;
    if (localMs > this.#lastLocalMs) this.#lastLocalMs = localMs;
    return this.#lastLocalMs;
  }

  /** A timer has rung for this time of the own clock: rounding must not make it ring too early. */
  reach(localMs: number): void {
    if (localMs > this.#lastLocalMs) this.#lastLocalMs = localMs;
  }

  wall(): number {
    return Math.floor(EPOCH_MS + this.#time.nowMs + this.#wallOffsetMs);
  }

  /** When the own clock shows `localMs`, in the world's time; never in the past. */
  worldMs(localMs: number): number {
    return Math.max(this.#time.nowMs, this.#anchorMs + (localMs - this.#anchorLocalMs) / this.#rate);
  }

  /** From now on the own clock runs this much faster than the world's. */
  drift(rate: number): void {
    this.#anchorLocalMs = this.monotonic();
    this.#anchorMs = this.#time.nowMs;
    this.#rate = rate;
  }

  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }
}

interface Pending {
  readonly atMs: number;
  readonly callback: () => void;
}

/** The clock port of one life of a whole part. Once the life is over, nothing is called back any more. */
export class PartClock implements Clock {
  readonly #clock: NodeClock;
  readonly #armed: () => void;
  /** In the order in which they ring: by time, then as they were set. Parts have a handful of timers. */
  readonly #pending: Pending[] = [];
  #isOver = false;

  constructor(clock: NodeClock, armed: () => void) {
    this.#clock = clock;
    this.#armed = armed;
  }

  get nextMs(): number | undefined {
    return this.#pending[0]?.atMs;
  }

  now(): number {
    return this.#clock.wall();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, callback: () => void): Timer {
    if (this.#isOver) return { cancel: () => {} };
    const pending = { atMs: this.#clock.monotonic() + Math.max(0, delayMs), callback };
    let at = this.#pending.length;
    while (at > 0 && this.#pending[at - 1]!.atMs > pending.atMs) at--;
    this.#pending.splice(at, 0, pending);
    this.#armed();
    return { cancel: () => this.#cancel(pending) };
  }

  /** Calls back whoever is due; timers that they set for now wait for the next turn, as with a real event loop. */
  ring(nowMs: number): void {
    const due: Pending[] = [];
    while (this.#pending.length > 0 && this.#pending[0]!.atMs <= nowMs) due.push(this.#pending.shift()!);
    for (const { callback } of due) if (!this.#isOver) callback();
  }

  stop(): void {
    this.#isOver = true;
    this.#pending.length = 0;
  }

  #cancel(pending: Pending): void {
    const at = this.#pending.indexOf(pending);
    if (at >= 0) this.#pending.splice(at, 1);
  }
}

/**
 * Protocols as machines, and the one pump that binds any of them to the real world. An input and the time go in, an ordered
 * list of effects comes out, and the machine says when it next wants to be asked. Machines hold no promises, timers or
 * sockets, so a simulator can drive the same machine through a virtual world.
 */
import type { Clock, Timer } from "./clock.ts";

/** Nothing has happened but that time has passed. */
export interface Tick {
  readonly type: "tick";
}

export interface Machine<Input, Effect> {
  /** `nowMs` comes from a monotonic clock; effects are to be carried out in their order. */
  step(input: Input | Tick, nowMs: number): readonly Effect[];
  /** When it wants a tick, on the same clock; undefined while nothing is due. */
  readonly nextDeadlineMs: number | undefined;
}

export interface PumpPorts<Effect> {
  readonly clock: Clock;
  /** What follows in the list waits for the promise: so an effect that persists holds back those that depend on it. */
  readonly carryOut: (effect: Effect) => void | Promise<void>;
  /** An effect could not be carried out: a defect, or a disk that fails. Nothing more is carried out. */
  readonly failed: (thrown: unknown) => void;
}

const TICK: Tick = { type: "tick" };

export class Pump<Input, Effect> {
  readonly #machine: Machine<Input, Effect>;
  readonly #ports: PumpPorts<Effect>;
  readonly #effects: Effect[] = [];
  #isBusy = false;
  #isStopped = false;
  #timer: Timer | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;

  constructor(machine: Machine<Input, Effect>, ports: PumpPorts<Effect>) {
    this.#machine = machine;
    this.#ports = ports;
  }

  /** The machine hears of it at once, also while effects are waiting; its effects take their place at the end. */
  feed(input: Input | Tick): void {
    if (this.#isStopped) return;
    this.#effects.push(...this.#machine.step(input, this.#ports.clock.monotonic()));
    this.#carryOutAll();
    this.#arm();
  }

  /** Carries out nothing more and lets the timer go. */
  stop(): void {
    this.#isStopped = true;
    this.#effects.length = 0;
    this.#timer?.cancel();
  }

  #carryOutAll(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift()) {
        const done = this.#ports.carryOut(effect);
        if (done instanceof Promise) return void this.#goOnAfter(done);
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#isBusy = false;
  }

  async #goOnAfter(done: Promise<void>): Promise<void> {
    try {
      await done;
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#isBusy = false;
    if (this.#isStopped) return;
    this.#carryOutAll();
    this.#arm();
  }

  #fail(thrown: unknown): void {
    if (this.#isStopped) return;
    this.stop();
    this.#ports.failed(thrown);
  }

  /** A timer that rings too early costs a tick; one is set anew only for an earlier deadline. */
  #arm(): void {
    const dueMs = this.#machine.nextDeadlineMs;
    if (this.#isStopped || dueMs === undefined || dueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    const delayMs = Math.max(0, dueMs - this.#ports.clock.monotonic());
    this.#timer = this.#ports.clock.after(delayMs, () => {
      this.#timerDueMs = Number.POSITIVE_INFINITY;
      this.feed(TICK);
    });
  }
}

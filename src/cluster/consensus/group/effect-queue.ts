/**
 * Carries out a machine's effects in their order. One that takes time holds back those behind it, but for messages that are free to
 * leave: a leader's heart-beats do not wait for its disk. Inputs go in at any time, also from within an effect.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import type { Machine, Tick } from "../../../base/machine.ts";
import type { RaftEffect, RaftInput } from "../../../protocol/raft/index.ts";

export interface EffectQueuePorts {
  readonly clock: Clock;
  /** What follows waits for the promise. */
  readonly carryOut: (effect: RaftEffect) => void | Promise<void>;
  readonly failed: (thrown: unknown) => void;
}

interface Work {
  readonly type: "work";
  readonly run: () => Promise<void>;
}

const TICK: Tick = { type: "tick" };

export class EffectQueue {
  readonly #machine: Machine<RaftInput, RaftEffect>;
  readonly #ports: EffectQueuePorts;
  #effects: (RaftEffect | Work)[] = [];
  #next = 0;
  #isBusy = false;
  #isWaiting = false;
  #isStopped = false;
  #timer: Timer | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;

  constructor(machine: Machine<RaftInput, RaftEffect>, ports: EffectQueuePorts) {
    this.#machine = machine;
    this.#ports = ports;
  }

  feed(input: RaftInput | Tick): void {
    if (this.#isStopped) return;
    try {
      for (const effect of this.#machine.step(input, this.#ports.clock.monotonic())) {
        if (this.#isWaiting && effect.type === "send" && effect.isFree) void this.#ports.carryOut(effect);
        else this.#effects.push(effect);
      }
    } catch (thrown) {
      return this.#fail(thrown);
    }
    this.#carryOutAll();
    this.#arm();
  }

  /** Does this between two effects: nothing is written meanwhile. Rejects as it does, and when the queue stops before. */
  between(work: () => Promise<void>): Promise<void> {
    if (this.#isStopped) return Promise.reject(new Error("the group is closed"));
    return new Promise((resolve, reject) => {
      this.#effects.push({ type: "work", run: () => work().then(resolve, reject) });
      this.#carryOutAll();
    });
  }

  /** Carries out nothing more and lets the timer go. */
  stop(): void {
    this.#isStopped = true;
    this.#effects = [];
    this.#timer?.cancel();
  }

  #carryOutAll(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      while (this.#next < this.#effects.length) {
        const next = this.#effects[this.#next++]!;
        const done = next.type === "work" ? next.run() : this.#ports.carryOut(next);
        if (done instanceof Promise) return void this.#goOnAfter(done);
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#effects = [];
    this.#next = 0;
    this.#isBusy = false;
  }

  async #goOnAfter(done: Promise<void>): Promise<void> {
    this.#isWaiting = true;
    try {
      await done;
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#isWaiting = false;
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
    this.#timer = this.#ports.clock.after(Math.max(0, dueMs - this.#ports.clock.monotonic()), () => {
      this.#timerDueMs = Number.POSITIVE_INFINITY;
      this.feed(TICK);
    });
  }
}

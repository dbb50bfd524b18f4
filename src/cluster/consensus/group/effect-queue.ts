/**
 * Carries out a machine's effects in their order. A write that takes time holds back what depends on it, and nothing else: messages that
 * are free to leave do, and what is committed is applied. A disk that hangs silences them after a while: who cannot write
 * must not keep others from leading. Inputs go in at any time, also from within an effect.
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
  readonly reject: (reason: unknown) => void;
}

/** What says nothing of writes under way; see `RaftEffect`. */
const FREE: ReadonlySet<string> = new Set([
  "commit",
  "proposed",
  "readReady",
  "refused",
  "done",
  "role",
  "configuration",
  "suspicion",
] satisfies RaftEffect["type"][]);
/** Far more than a slow disk takes, less than people wait. */
const SILENT_AFTER_MS = 2_000;

/** A timer that rings so late stands for a process that was not let run: what arrived meanwhile waits in its sockets. */
const LATE_MS = 20;
/** Some turns of the loop. */
const HEAR_MS = 5;

const TICK: Tick = { type: "tick" };

export class EffectQueue {
  readonly #machine: Machine<RaftInput, RaftEffect>;
  readonly #ports: EffectQueuePorts;
  #effects: (RaftEffect | Work)[] = [];
  #next = 0;
  #isBusy = false;
  /** For a write, since then. */
  #writesSinceMs: number | undefined;
  #isStopped = false;
  /** Why. */
  #end: unknown;
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
        if (this.#writesSinceMs === undefined || !isFree(effect)) this.#effects.push(effect);
        else if (effect.type !== "send" || !this.#hangs()) void this.#ports.carryOut(effect);
      }
    } catch (thrown) {
      return this.#fail(thrown);
    }
    this.#carryOutAll();
    this.#arm();
  }

  /** Does this between two effects: nothing is written meanwhile. Rejects as it does, and with why the queue stops when it stops before. */
  between(work: () => Promise<void>): Promise<void> {
    if (this.#isStopped) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#effects.push({ type: "work", run: () => work().then(resolve, reject), reject });
      this.#carryOutAll();
    });
  }

  /** Carries out nothing more and lets the timer go. */
  stop(why: unknown): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#end = why;
    const rest = this.#effects.slice(this.#next);
    this.#effects = [];
    this.#next = 0;
    for (const effect of rest) if (effect.type === "work") effect.reject(why);
    this.#timer?.cancel();
  }

  #carryOutAll(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      while (this.#next < this.#effects.length) {
        const next = this.#effects[this.#next++]!;
        const done = next.type === "work" ? next.run() : this.#ports.carryOut(next);
        if (done instanceof Promise) return void this.#goOnAfter(done, next.type === "persist");
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#effects = [];
    this.#next = 0;
    this.#isBusy = false;
  }

  async #goOnAfter(done: Promise<void>, isWrite: boolean): Promise<void> {
    if (isWrite) this.#beginWrite();
    try {
      await done;
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#writesSinceMs = undefined;
    this.#isBusy = false;
    if (this.#isStopped) return;
    this.#carryOutAll();
    this.#arm();
  }

  #beginWrite(): void {
    this.#writesSinceMs = this.#ports.clock.monotonic();
    const rest = this.#effects.splice(this.#next);
    this.#effects = rest.filter((effect) => !isFree(effect));
    this.#next = 0;
    try {
      for (const effect of rest) if (isFree(effect)) void this.#ports.carryOut(effect);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #hangs(): boolean {
    return this.#ports.clock.monotonic() - this.#writesSinceMs! > SILENT_AFTER_MS; // asked while it writes
  }

  #fail(thrown: unknown): void {
    if (this.#isStopped) return;
    this.stop(thrown);
    this.#ports.failed(thrown);
  }

  /** A timer that rings too early costs a tick; one is set anew only for an earlier deadline. */
  #arm(): void {
    const dueMs = this.#machine.nextDeadlineMs;
    if (this.#isStopped || dueMs === undefined || dueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = this.#ports.clock.after(Math.max(0, dueMs - this.#ports.clock.monotonic()), () => {
      this.#ring(dueMs);
    });
  }

  /** Who has slept over it hears first what was said meanwhile: it must not take its own silence for that of others. */
  #ring(dueMs: number): void {
    const { clock } = this.#ports;
    const isLate = clock.monotonic() - dueMs >= LATE_MS;
    this.#timerDueMs = isLate ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    if (!isLate) return this.feed(TICK);
    this.#timer = clock.after(HEAR_MS, () => {
      this.#timerDueMs = Number.POSITIVE_INFINITY;
      this.feed(TICK);
    });
  }
}

/** Needs nothing that is being written. */
function isFree(effect: RaftEffect | Work): effect is RaftEffect {
  return effect.type === "send" ? effect.isFree : FREE.has(effect.type);
}

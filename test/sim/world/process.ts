/**
 * What runs on a node, as the world sees it. A protocol machine becomes a process through `MachineProcess`, a whole part (with
 * promises and timers) through `PartProcess`. The world calls them, one at a time, in the order of its events.
 */
import type { Machine, Tick } from "../../../src/base/machine.ts";
import type { PartClock } from "./node-clock.ts";

export type Channel = "datagram" | "stream";

export interface Process<Message> {
  /** `nowMs` is on the node's own monotonic clock, here and below. */
  receive(from: number, message: Message, via: Channel, nowMs: number): void;
  /** A stream message did not get there: nobody listens, or the path is cut. */
  undelivered(to: number, message: Message, nowMs: number): void;
  /** Its time has come. */
  wake(nowMs: number): void;
  /** When it wants to be woken. */
  readonly wakeAtMs: number | undefined;
  /** The process is killed: it must not act any more. */
  end?(): void;
}

/** An effect that takes time, such as an fsync: those after it in the list wait until it is done. */
export interface Wait {
  readonly forMs: number;
  done?(): void;
}

export interface MachinePorts<Message, Input, Effect> {
  readonly machine: Machine<Input, Effect>;
  /** Undefined: the message is none of the machine's business. */
  toInput(from: number, message: Message, via: Channel): Input | undefined;
  toUndelivered?(to: number, message: Message): Input | undefined;
  carryOut(effect: Effect, nowMs: number): Wait | undefined;
}

const TICK: Tick = { type: "tick" };

/** Does what `Pump` does in the real world, without closures for each event. */
export class MachineProcess<Message, Input, Effect> implements Process<Message> {
  readonly machine: Machine<Input, Effect>;
  readonly #ports: MachinePorts<Message, Input, Effect>;
  /** Effects that wait for one that takes time. */
  #held: Effect[] = [];
  #wait: Wait | undefined;
  #heldUntilMs = Number.POSITIVE_INFINITY;

  constructor(ports: MachinePorts<Message, Input, Effect>) {
    this.machine = ports.machine;
    this.#ports = ports;
  }

  get wakeAtMs(): number | undefined {
    const dueMs = this.machine.nextDeadlineMs;
    if (this.#wait === undefined) return dueMs;
    return dueMs === undefined ? this.#heldUntilMs : Math.min(dueMs, this.#heldUntilMs);
  }

  receive(from: number, message: Message, via: Channel, nowMs: number): void {
    const input = this.#ports.toInput(from, message, via);
    if (input !== undefined) this.feed(input, nowMs);
  }

  undelivered(to: number, message: Message, nowMs: number): void {
    const input = this.#ports.toUndelivered?.(to, message);
    if (input !== undefined) this.feed(input, nowMs);
  }

  wake(nowMs: number): void {
    if (this.#wait !== undefined && nowMs >= this.#heldUntilMs) this.#goOn(nowMs);
    const dueMs = this.machine.nextDeadlineMs;
    if (dueMs !== undefined && nowMs >= dueMs) this.feed(TICK, nowMs);
  }

  feed(input: Input | Tick, nowMs: number): void {
    const effects = this.machine.step(input, nowMs);
    if (this.#wait !== undefined) {
      for (const effect of effects) this.#held.push(effect);
    } else {
      this.#carryOut(effects, nowMs);
    }
  }

  #goOn(nowMs: number): void {
    this.#wait?.done?.();
    this.#wait = undefined;
    const held = this.#held;
    this.#held = [];
    this.#carryOut(held, nowMs);
  }

  #carryOut(effects: readonly Effect[], nowMs: number): void {
    for (let at = 0; at < effects.length; at++) {
      const wait = this.#ports.carryOut(effects[at]!, nowMs);
      if (!wait) continue;
      this.#wait = wait;
      this.#heldUntilMs = nowMs + wait.forMs;
      this.#held = effects.slice(at + 1);
      return;
    }
  }
}

export interface PartPorts<Message> {
  readonly clock: PartClock;
  receive(from: number, message: Message, via: Channel): void;
  undelivered?(to: number, message: Message): void;
}

/** A whole part: it has its timers from the clock, and what it does in promises is done before the next event. */
export class PartProcess<Message> implements Process<Message> {
  readonly #ports: PartPorts<Message>;

  constructor(ports: PartPorts<Message>) {
    this.#ports = ports;
  }

  get wakeAtMs(): number | undefined {
    return this.#ports.clock.nextMs;
  }

  receive(from: number, message: Message, via: Channel): void {
    this.#ports.receive(from, message, via);
  }

  undelivered(to: number, message: Message): void {
    this.#ports.undelivered?.(to, message);
  }

  wake(nowMs: number): void {
    this.#ports.clock.ring(nowMs);
  }

  end(): void {
    this.#ports.clock.stop();
  }
}

/**
 * A worker of the simulation: lanes that take a while for each item, a queue before them, reports. It is as careless as a right
 * table has to bear: it may not stop what it was told to stop, may do a thing twice, and may forget a result that it could not deliver.
 */
import { chance, exponential, type Port, type Process } from "../world/index.ts";
import { isPoisoned, type LeaseMessage, resultOf } from "./lease-messages.ts";

export interface WorkerHabits {
  readonly lanes: number;
  readonly serviceMs: number;
  readonly reportEveryMs: number;
  /** Each item takes exactly its time. */
  readonly isSteady?: boolean;
  send(port: Port<LeaseMessage>, message: LeaseMessage): void;
}

interface Job {
  readonly lease: number;
  readonly content: number;
  readonly isLastResort: boolean;
}

export class LeaseWorkerProcess implements Process<LeaseMessage> {
  /** How many times longer than usual everything takes, and whether its stage crashes on whatever it gets: from outside. */
  slowness = 1;
  isCrashing = false;
  readonly #port: Port<LeaseMessage>;
  readonly #habits: WorkerHabits;
  readonly #queue: Job[] = [];
  readonly #lanes: { readonly job: Job; readonly endMs: number }[] = [];
  /** Results that could not be delivered, to be sent again. */
  readonly #unsent: LeaseMessage[] = [];
  #reportMs: number;

  constructor(port: Port<LeaseMessage>, habits: WorkerHabits) {
    this.#port = port;
    this.#habits = habits;
    this.#reportMs = port.clock.monotonic() + port.random.next() * habits.reportEveryMs;
    this.#hello();
  }

  get wakeAtMs(): number {
    return this.#lanes.reduce((least, { endMs }) => Math.min(least, endMs), this.#reportMs);
  }

  wake(nowMs: number): void {
    for (const lane of [...this.#lanes]) {
      if (lane.endMs > nowMs) continue;
      this.#lanes.splice(this.#lanes.indexOf(lane), 1);
      this.#answer(lane.job);
    }
    this.#begin(nowMs);
    if (this.#reportMs > nowMs) return;
    this.#reportMs = nowMs + this.#habits.reportEveryMs;
    for (const message of this.#unsent.splice(0)) this.#send(message);
    this.#send({ type: "report", life: this.#port.life, leases: this.#known() });
  }

  receive(_from: number, message: LeaseMessage, _via: unknown, nowMs: number): void {
    if (message.type === "who") return this.#hello();
    if (message.type === "stop") this.#stop(message.lease);
    if (message.type === "give") this.#queue.push(message);
    this.#begin(nowMs);
  }

  /** Half of them are forgotten, as by a process that has dropped its link. */
  undelivered(_to: number, message: LeaseMessage): void {
    if (message.type !== "done" && message.type !== "failed") return;
    if (chance(this.#port.random, 0.5)) this.#unsent.push(message);
  }

  #hello(): void {
    const { lanes } = this.#habits;
    this.#send({ type: "hello", life: this.#port.life, capacity: lanes, leases: this.#known() });
  }

  #known(): number[] {
    const unsent = this.#unsent.flatMap((message) => ("lease" in message ? [message.lease] : []));
    return [...this.#queue.map(({ lease }) => lease), ...this.#lanes.map(({ job }) => job.lease), ...unsent];
  }

  #stop(lease: number): void {
    const waiting = this.#queue.findIndex((job) => job.lease === lease);
    if (waiting >= 0) this.#queue.splice(waiting, 1);
    const lane = this.#lanes.findIndex(({ job }) => job.lease === lease);
    if (lane >= 0 && chance(this.#port.random, 0.5)) this.#lanes.splice(lane, 1);
  }

  #begin(nowMs: number): void {
    const { isSteady, lanes, serviceMs } = this.#habits;
    while (this.#lanes.length < lanes && this.#queue.length > 0) {
      const tookMs = isSteady ? serviceMs : exponential(this.#port.random, serviceMs);
      this.#lanes.push({ job: this.#queue.shift()!, endMs: nowMs + tookMs * this.slowness });
    }
  }

  #answer({ content, isLastResort, lease }: Job): void {
    if (isPoisoned(content)) this.#send({ type: "failed", lease, elsewhere: false });
    else if (this.isCrashing && !isLastResort) this.#send({ type: "failed", lease, elsewhere: true });
    else this.#send({ type: "done", lease, result: resultOf(content) });
  }

  #send(message: LeaseMessage): void {
    this.#habits.send(this.#port, message);
  }
}

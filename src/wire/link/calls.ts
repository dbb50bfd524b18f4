/** Requests of this side that wait for their answers: each one ends, by an answer, its deadline, its signal or the link's end. */
import type { Clock } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import { Failure } from "../../base/errors.ts";
import { overloaded } from "./failures.ts";
import { CANCEL, type Message, requestMessage } from "./message.ts";
import type { Withdrawn } from "./transfers.ts";
import type { RequestOptions } from "./types.ts";

const ID_MAX = 0xffffffff;

interface Pending {
  readonly topic: string;
  readonly timeoutMs: number;
  readonly dueMs: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: Failure) => void;
  /** Takes the listener off the caller's signal. */
  release: (() => void) | undefined;
}

export interface CallsPorts {
  readonly clock: Clock;
  readonly pendingMax: number;
  readonly peerId: string;
  readonly push: (message: Message) => void;
  /** Takes a request back as far as it has not left. */
  readonly withdraw: (id: number) => Withdrawn;
  /** The last one has ended. */
  readonly quiet: () => void;
}

export class Calls {
  readonly #ports: CallsPorts;
  readonly #pending = new Map<number, Pending>();
  readonly #deadlines: Deadlines;
  #lastId = 0;
  sent = 0;

  constructor(ports: CallsPorts) {
    this.#ports = ports;
    this.#deadlines = new Deadlines(ports.clock, (nowMs) => this.#sweep(nowMs));
  }

  get size(): number {
    return this.#pending.size;
  }

  send(topic: string, payload: unknown, spanMs: number, options: RequestOptions): Promise<unknown> {
    const { signal, traceparent } = options;
    const { clock, pendingMax, push, peerId } = this.#ports;
    if (signal?.aborted) return Promise.reject(cancelled(topic, peerId, signal));
    if (spanMs <= 0) return Promise.reject(late(topic, peerId, spanMs));
    if (this.#pending.size >= pendingMax) {
      return Promise.reject(
        overloaded(`${topic} at ${peerId}: ${pendingMax} requests wait for answers, no more are sent`),
      );
    }
    const dueMs = clock.monotonic() + spanMs;
    const id = this.#freeId();
    return new Promise((resolve, reject) => {
      const pending: Pending = { topic, timeoutMs: spanMs, dueMs, resolve, reject, release: undefined };
      this.#pending.set(id, pending);
      this.sent++;
      this.#deadlines.note(dueMs);
      if (signal) this.#listen(id, pending, signal);
      push(requestMessage(id, topic, Math.ceil(spanMs), payload, traceparent));
    });
  }

  resolve(id: number, value: unknown): void {
    this.#take(id)?.resolve(value);
  }

  reject(id: number, failure: Failure): void {
    this.#take(id)?.reject(failure);
  }

  close(reason: Failure): void {
    this.#deadlines.stop();
    for (const id of [...this.#pending.keys()]) this.#take(id)!.reject(reason);
  }

  #freeId(): number {
    do this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1;
    while (this.#pending.has(this.#lastId));
    return this.#lastId;
  }

  /** An answer that comes after its request was given up finds nothing here. */
  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (!pending) return undefined;
    this.#pending.delete(id);
    pending.release?.();
    if (this.#pending.size === 0) this.#ports.quiet();
    return pending;
  }

  #listen(id: number, pending: Pending, signal: AbortSignal): void {
    const giveUp = (): void => {
      const { topic } = pending;
      this.#take(id)?.reject(cancelled(topic, this.#ports.peerId, signal));
      if (this.#ports.withdraw(id) !== "unsaid") this.#ports.push([CANCEL, id]);
    };
    signal.addEventListener("abort", giveUp, { once: true });
    pending.release = () => signal.removeEventListener("abort", giveUp);
  }

  /** The other side knows the span and gives up by itself, unless it has not got all of the request yet. */
  #sweep(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [id, { topic, timeoutMs, dueMs }] of this.#pending) {
      if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
      else {
        this.#take(id)!.reject(late(topic, this.#ports.peerId, timeoutMs));
        if (this.#ports.withdraw(id) === "cut") this.#ports.push([CANCEL, id]);
      }
    }
    return nextMs;
  }
}

function late(topic: string, peerId: string, timeoutMs: number): Failure {
  return new Failure("link.deadline_exceeded", `${topic} at ${peerId}: no answer within ${timeoutMs} ms`, {
    retryable: true,
  });
}

export function cancelled(topic: string, peerId: string, { reason }: AbortSignal): Failure {
  return new Failure("link.cancelled", `${topic} at ${peerId}: given up`, { cause: reason });
}

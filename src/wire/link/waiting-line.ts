/** Senders that wait for room in the send buffer: each goes on in its turn, and what it sends counts before the next one may. */
import type { Failure } from "../../base/errors.ts";
import { overloaded } from "./failures.ts";

/**
 * Whoever waits for `drained()` sends when its await has ended, some microtasks later: through the awaits of a link and of a few
 * functions around it.
 */
const AWAITS_OF_A_SENDER = 16;

interface Waiter {
  /** Gives back whether what it sends counts already. */
  readonly go: () => boolean;
  readonly reject: (reason: unknown) => void;
}

export interface WaitingLinePorts {
  readonly waitingMax: number;
  readonly isFull: () => boolean;
  /** For messages. */
  readonly state: () => string;
  /** Somebody waits: have the socket looked at. */
  readonly watch: () => void;
  /** Nobody waits any more. */
  readonly empty: () => void;
}

export class WaitingLine {
  readonly #ports: WaitingLinePorts;
  #waiters: Waiter[] = [];
  #isPaused = false;
  #isLettingGo = false;

  constructor(ports: WaitingLinePorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#waiters.length;
  }

  /** There is no room, or others were here before. */
  get mustWait(): boolean {
    return this.#waiters.length > 0 || this.#isPaused || this.#ports.isFull();
  }

  /** Does it as soon as there is room. */
  whenRoom<T>(act: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const go = (): boolean => {
      try {
        resolve(act());
      } catch (thrown) {
        reject(thrown);
      }
      return true;
    };
    return this.#wait({ go, reject }, promise, signal);
  }

  /** Resolves when there is room: for one at a time, so that not all of them go on at the sight of the same room. */
  drained(signal?: AbortSignal): Promise<void> {
    if (!this.mustWait) {
      void this.#pause();
      return Promise.resolve();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const go = (): boolean => {
      resolve();
      return false;
    };
    return this.#wait({ go, reject }, promise, signal);
  }

  letGo(): void {
    if (this.#isLettingGo) return; // what one sends may have been sent at once, and ask for the next
    this.#isLettingGo = true;
    while (this.#waiters.length > 0 && !this.#isPaused && !this.#ports.isFull()) {
      if (!this.#waiters.shift()!.go()) void this.#pause();
      if (this.#waiters.length === 0) this.#ports.empty();
    }
    this.#isLettingGo = false;
  }

  close(reason: Failure): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(reason);
  }

  async #wait<T>(waiter: Waiter, promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    const { waitingMax, state, watch } = this.#ports;
    if (this.#waiters.length >= waitingMax) throw overloaded(state());
    const giveUp = (): void => {
      this.#waiters = this.#waiters.filter((each) => each !== waiter);
      waiter.reject(signal!.reason);
      if (this.#waiters.length === 0) this.#ports.empty();
    };
    this.#waiters.push(waiter);
    signal?.addEventListener("abort", giveUp, { once: true });
    watch();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** Until the one who was let go has sent what it waited with. */
  async #pause(): Promise<void> {
    this.#isPaused = true;
    for (let turn = 0; turn < AWAITS_OF_A_SENDER; turn++) await null;
    this.#isPaused = false;
    this.letGo();
    this.#ports.watch();
  }
}

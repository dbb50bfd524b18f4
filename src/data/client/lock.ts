/**
 * A lock with a fencing token. Whoever has it keeps it alive by itself, counts its time from before it asked, and is told by `lost`
 * when it can no longer be sure: before anybody else can have it. What the lock guards should ask for the token all the same, and take
 * no older one: a process that stood still cannot be told in time.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import type { Calls } from "./calls.ts";
import { type Grant, HeldLock } from "./held-lock.ts";
import { KEEPS_IN_TTL, LEAVE_MS_MAX, POLL_MS, TTL_MS_DEFAULT } from "./limits.ts";
import type { ReadOptions } from "./map-options.ts";

export interface AcquireOptions {
  /** After a crash of the holder others wait so long (15 s). */
  readonly ttlMs?: number;
  /** How long it may take; 0 refuses at once, and without it there is no end but the signal. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
  /** For people, and for whoever goes on under it elsewhere: unique. One by chance unless told otherwise. */
  readonly holder?: string;
}

export interface LockPorts {
  readonly clock: Clock;
  readonly newId: () => string;
}

export class Lock {
  readonly name: string;
  readonly group: string;
  readonly #calls: Pick<Calls, "lock">;
  readonly #ports: LockPorts;

  constructor(name: string, group: string, calls: Pick<Calls, "lock">, ports: LockPorts) {
    this.name = name;
    this.group = group;
    this.#calls = calls;
    this.#ports = ports;
  }

  /** Fails with `lock.taken` when somebody else has it for longer than was to be waited. */
  async acquire(options: AcquireOptions = {}): Promise<HeldLock> {
    const grant = await this.grab(options);
    return new HeldLock(grant, this.#calls, this.#ports.clock);
  }

  /** The grant alone: whoever has it sees to keeping it and to giving it back. */
  async grab(options: AcquireOptions = {}): Promise<Grant> {
    const { holder = this.#ports.newId(), signal, ttlMs = TTL_MS_DEFAULT, waitMs = Number.POSITIVE_INFINITY } = options;
    const deadlineMs = this.#ports.clock.monotonic() + waitMs;
    try {
      for (;;) {
        const leftMs = Math.max(0, deadlineMs - this.#ports.clock.monotonic());
        const pollMs = Math.floor(Math.min(leftMs, POLL_MS, ttlMs / KEEPS_IN_TTL));
        const askedMs = this.#ports.clock.monotonic();
        const input = { group: this.group, lock: this.name, holder, ttlMs, waitMs: pollMs };
        const reply = await this.#calls.lock.acquire(input, signal && { signal });
        if (reply.state === "held" && reply.token !== undefined) {
          const isFresh = this.#ports.clock.monotonic() - askedMs < ttlMs / 2;
          if (isFresh) return { name: this.name, group: this.group, holder, token: reply.token, ttlMs, askedMs };
          continue; // too little of its time is sure to be left: asking again makes it whole
        }
        if (signal?.aborted || this.#ports.clock.monotonic() >= deadlineMs) throw this.#taken(reply.holder);
        if (pollMs === 0) await pause(this.#ports.clock, Math.min(leftMs, 1), signal); // the last millisecond of the wait
      }
    } catch (thrown) {
      if (waitMs > 0) await this.#leaveLine(holder);
      throw thrown;
    }
  }

  /** Undefined when somebody else has it. */
  async tryAcquire(options: Omit<AcquireOptions, "waitMs"> = {}): Promise<HeldLock | undefined> {
    try {
      return await this.acquire({ ...options, waitMs: 0 });
    } catch (thrown) {
      if (toFailure(thrown, "lock.failed").code === "lock.taken") return undefined;
      throw thrown;
    }
  }

  /** Has it while the function runs, which gets a signal that aborts when it is lost. */
  async withLock<T>(work: (held: HeldLock) => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    await using held = await this.acquire(options);
    return await work(held);
  }

  /** Who has it and who waits; undefined when nobody has it. */
  async show({ consistency, ...call }: ReadOptions = {}) {
    return (await this.#calls.lock.show({ group: this.group, lock: this.name, consistency }, call)).lock;
  }

  #taken(holder: string | undefined): Failure {
    const by = holder === undefined ? "somebody else" : JSON.stringify(holder);
    return new Failure("lock.taken", `lock ${this.name} is held by ${by}; it was not released in time`, {
      retryable: true,
      data: { holder },
    });
  }

  /** Who has gone must not be given the lock. Where nobody answers, the place is gone when its time is over. */
  #leaveLine(holder: string): Promise<void> {
    const left = new AbortController();
    const given = this.#calls.lock.release({ group: this.group, lock: this.name, holder });
    given.catch(() => {}).finally(() => left.abort()); // as above
    return pause(this.#ports.clock, LEAVE_MS_MAX, left.signal);
  }
}

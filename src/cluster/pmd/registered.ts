/**
 * One node's registration, kept up: heart-beats by the clock, again from the start when the port mapper does not know the
 * node any longer, and when none runs one is started, unless a person ended it. Its owner hears when the alias is lost to
 * somebody else and when it is back.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { backoffDelayMs } from "../../protocol/retry/index.ts";
import { NOT_RUNNING } from "./connection.ts";
import type { PmdMethods, Registration } from "./contract.ts";
import { BEATS_PER_TTL, CALL_TIMEOUT_MS } from "./limits.ts";

export interface RegisteredPorts {
  readonly methods: PmdMethods;
  readonly clock: Clock;
  readonly random: Random;
  /** Starts a port mapper where none runs; does nothing when none is to be started. */
  readonly revive: () => Promise<void>;
  /** The registration no longer stands, with why; `undefined` when it stands again. */
  readonly changed: (why: Failure | undefined) => void;
}

/** After a failed heart-beat: soon at first, for most restarts take less than a heart-beat. */
const RETRY_INITIAL_MS = 100;

export class Registered {
  readonly #ports: RegisteredPorts;
  readonly #end = new AbortController();
  #registration: Registration;
  #ttlMs: number;
  #failures = 0;
  #isLost = false;
  #hurry = new AbortController();
  #done: Promise<void> = Promise.resolve();

  private constructor(ports: RegisteredPorts, registration: Registration, ttlMs: number) {
    this.#ports = ports;
    this.#registration = registration;
    this.#ttlMs = ttlMs;
  }

  /** Fails as `register` does, and with whatever keeps it from the port mapper. */
  static async open(ports: RegisteredPorts, registration: Registration): Promise<Registered> {
    const { ttlMs } = await register(ports, registration);
    const registered = new Registered(ports, registration, ttlMs);
    registered.#done = registered.#run();
    return registered;
  }

  get alias(): string {
    return this.#registration.alias;
  }

  /** Whether it stood at the last heart-beat. */
  get stands(): boolean {
    return !this.#isLost;
  }

  get isClosed(): boolean {
    return this.#end.signal.aborted;
  }

  /** Other words about the node, or another place. Fails as `register` does; then the old ones stand. */
  async update(change: Partial<Omit<Registration, "nodeId">>): Promise<void> {
    const next = { ...this.#registration, ...change };
    const { ttlMs } = await register(this.#ports, next);
    this.#registration = next;
    this.#ttlMs = ttlMs;
    this.beatNow();
  }

  /** The port mapper has been seen to be another: it does not know the node yet. */
  beatNow(): void {
    this.#hurry.abort();
  }

  /** Leaves. Who cannot be told notices by the TTL. */
  async close(): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    await this.#done;
    const { nodeId } = this.#registration;
    await this.#ports.methods.unregister({ nodeId }).catch(() => undefined); // nobody there: nothing stands there either
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      await this.#wait();
      if (signal.aborted) return;
      await this.#beat().then(
        () => this.#tell(undefined),
        (thrown) => this.#tell(toFailure(thrown, "pmd.heartbeat")),
      );
    }
  }

  async #wait(): Promise<void> {
    const { clock, random } = this.#ports;
    const beatMs = this.#ttlMs / BEATS_PER_TTL;
    const retry = { initialMs: RETRY_INITIAL_MS, maxMs: beatMs, jitter: 0.5 };
    const delayMs = this.#failures === 0 ? beatMs : backoffDelayMs(retry, this.#failures, random);
    await pause(clock, delayMs, AbortSignal.any([this.#end.signal, this.#hurry.signal]));
    this.#hurry = new AbortController();
  }

  async #beat(): Promise<void> {
    const { methods } = this.#ports;
    const { nodeId } = this.#registration;
    try {
      await methods.heartbeat({ nodeId }, { timeoutMs: Math.min(CALL_TIMEOUT_MS, this.#ttlMs) }); // later it helps no more
    } catch (thrown) {
      const { code } = toFailure(thrown, "pmd.heartbeat");
      if (code !== "pmd.not_found" && code !== NOT_RUNNING) throw thrown;
      if (this.#end.signal.aborted) return;
      await register(this.#ports, this.#registration);
    }
  }

  #tell(why: Failure | undefined): void {
    this.#failures = why === undefined ? 0 : this.#failures + 1;
    if (this.#isLost === (why !== undefined)) return;
    this.#isLost = why !== undefined;
    this.#ports.changed(why);
  }
}

/** Starts a port mapper when there is none. */
async function register({ methods, revive }: RegisteredPorts, registration: Registration): Promise<{ ttlMs: number }> {
  try {
    return await methods.register(registration);
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.code !== NOT_RUNNING) throw thrown;
    await revive();
    return methods.register(registration);
  }
}

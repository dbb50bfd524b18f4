/** One grant of a lock: keeps itself alive until it is released or lost. */
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import type { Calls } from "./calls.ts";
import { KEEPS_IN_TTL, SAFE_SHARE_OF_TTL } from "./limits.ts";

export interface Grant {
  readonly name: string;
  readonly group: string;
  readonly holder: string;
  readonly token: number;
  readonly ttlMs: number;
  /** When it was asked for: the group cannot have counted from before. */
  readonly askedMs: number;
}

export class HeldLock implements AsyncDisposable {
  readonly name: string;
  readonly holder: string;
  /** Rises with every grant: what the lock guards takes no older one. */
  readonly token: number;
  readonly #grant: Grant;
  readonly #calls: Pick<Calls, "lock">;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  /** Of its own until then. */
  #untilMs: number;
  #end: Timer | undefined;
  #keep: Timer | undefined;
  #isReleased = false;

  constructor(grant: Grant, calls: Pick<Calls, "lock">, clock: Clock) {
    this.name = grant.name;
    this.holder = grant.holder;
    this.token = grant.token;
    this.#grant = grant;
    this.#calls = calls;
    this.#clock = clock;
    this.#untilMs = grant.askedMs;
    this.#heldSince(grant.askedMs);
  }

  /** Aborts when it is not sure any more that nobody else has it; whatever it guards is to be left alone then. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Gives it to the next one. Again, or when it is lost: nothing. */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#stop();
    if (this.lost.aborted) return;
    const { group, holder, name, token } = this.#grant;
    await this.#calls.lock.release({ group, lock: name, holder, token });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #heldSince(askedMs: number): void {
    const { ttlMs } = this.#grant;
    this.#stop();
    this.#untilMs = Math.max(this.#untilMs, askedMs + ttlMs * SAFE_SHARE_OF_TTL);
    const leftMs = this.#untilMs - this.#clock.monotonic();
    if (leftMs <= 0) return this.#lose("its time was over when the answer came");
    this.#end = this.#clock.after(leftMs, () => this.#lose("it could not be kept in time"));
    this.#keep = this.#clock.after(Math.min(leftMs, ttlMs / KEEPS_IN_TTL), () => void this.#keepUp());
  }

  async #keepUp(): Promise<void> {
    const { group, holder, name, token, ttlMs } = this.#grant;
    const askedMs = this.#clock.monotonic();
    const timeoutMs = Math.max(1, this.#untilMs - askedMs);
    try {
      const { state } = await this.#calls.lock.keep({ group, lock: name, holder, token }, { timeoutMs });
      if (this.#isReleased || this.lost.aborted) return;
      if (state === "held") this.#heldSince(askedMs);
      else this.#lose("the group says that it is over");
    } catch (thrown) {
      if (this.#isReleased || this.lost.aborted) return;
      const { code, message } = toFailure(thrown, "lock.keep");
      if (code === "lock.lost" || code === "lock.unknown") return this.#lose(message);
      this.#keep = this.#clock.after(ttlMs / KEEPS_IN_TTL / KEEPS_IN_TTL, () => void this.#keepUp());
    }
  }

  #lose(why: string): void {
    this.#stop();
    const message = `lock ${this.name}, token ${this.token}, is lost: ${why}`;
    this.#lost.abort(new Failure("lock.lost", message, { data: { token: this.token } }));
  }

  #stop(): void {
    this.#end?.cancel();
    this.#keep?.cancel();
  }
}

/**
 * Whether a client keeps up: a head in time, bytes of a body at a minimum rate, a reply taken at the same rate, a quiet connection not for
 * ever. Time is looked at in ticks only: what has not moved since an earlier tick has lasted at least as long as the ticks
 * between them. So nothing is measured per request, and a time-out may come two ticks late (its beginning, too, is only seen at one), never early.
 */
import type { ListenerSettings } from "./connection.ts";

/** What the client is waited for. */
export type Moment = "idle" | "head" | "body" | "nothing";

interface Sending {
  readonly waitingBytes: number;
  readonly sentBytes: number;
}

/** A quarter of the shortest time-out: twice that much later than it may one come. */
const TICKS_PER_TIMEOUT = 4;
const TICK_MS_MIN = 10;

export class Pace {
  readonly tickMs: number;
  receivedBytes = 0;
  readonly #settings: ListenerSettings;
  #moves = 0;
  #seenMoves = -1;
  #moment: Moment = "nothing";
  #sinceMs = 0;
  #bytesAtStart = 0;
  #isSending = false;
  #sendingSinceMs = 0;
  #sentAtStart = 0;

  constructor(settings: ListenerSettings) {
    this.#settings = settings;
    const { bodyIdleMs, headTimeoutMs, keepAliveMs } = settings;
    this.tickMs = Math.max(TICK_MS_MIN, Math.min(bodyIdleMs, headTimeoutMs, keepAliveMs) / TICKS_PER_TIMEOUT);
  }

  /** Something has begun or ended: a request, its body, its reply. */
  moved(): void {
    this.#moves++;
  }

  /** What the client was too slow with, if it was. */
  look(nowMs: number, moment: Moment, port: Sending): "idle" | "head" | "body" | "reply" | undefined {
    if (this.#isTakingTooSlowly(nowMs, port)) return "reply";
    if (moment !== this.#moment || this.#moves !== this.#seenMoves) return this.#restart(nowMs, moment);
    const { bodyIdleMs, headTimeoutMs, keepAliveMs } = this.#settings;
    const lastedMs = nowMs - this.#sinceMs;
    if (moment === "idle") return lastedMs >= keepAliveMs ? moment : undefined;
    if (moment === "head") return lastedMs >= headTimeoutMs ? moment : undefined;
    if (moment !== "body" || lastedMs < bodyIdleMs) return undefined;
    if (this.receivedBytes - this.#bytesAtStart < this.#bytesMin) return moment;
    return this.#restart(nowMs, moment);
  }

  /** In `bodyIdleMs`. At least one: whoever sends nothing at all is gone. */
  get #bytesMin(): number {
    return Math.max(1, (this.#settings.bytesPerSecondMin * this.#settings.bodyIdleMs) / 1_000);
  }

  #restart(nowMs: number, moment: Moment): undefined {
    this.#moment = moment;
    this.#seenMoves = this.#moves;
    this.#sinceMs = nowMs;
    this.#bytesAtStart = this.receivedBytes;
    return undefined;
  }

  #isTakingTooSlowly(nowMs: number, { sentBytes, waitingBytes }: Sending): boolean {
    const wasSending = this.#isSending;
    this.#isSending = waitingBytes > 0;
    if (!this.#isSending) return false;
    const lastedMs = nowMs - this.#sendingSinceMs;
    if (wasSending && lastedMs < this.#settings.bodyIdleMs) return false;
    const isSlow = wasSending && sentBytes - this.#sentAtStart < this.#bytesMin;
    this.#sendingSinceMs = nowMs;
    this.#sentAtStart = sentBytes;
    return isSlow;
  }
}

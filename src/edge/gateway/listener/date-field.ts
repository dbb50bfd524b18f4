/**
 * The value of `date` for replies that come without one (RFC 9110, 6.6.1): made once a second at most, and only while there are replies. The
 * clock is asked, and its timer set, once for all replies of a second.
 */
import type { Clock, Timer } from "../../../base/clock.ts";

const SECOND_MS = 1_000;

export class DateField {
  readonly #clock: Clock;
  #text = "";
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get text(): string {
    if (this.#timer === undefined) this.#renew();
    return this.#text;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #renew(): void {
    const nowMs = this.#clock.now();
    this.#text = new Date(nowMs).toUTCString();
    this.#timer = this.#clock.after(SECOND_MS - (nowMs % SECOND_MS), () => {
      this.#timer = undefined;
    });
  }
}

/**
 * Calls that take long. A listener cuts connections on which nothing moves, and it costs something to tell it otherwise, so that is
 * told when a call has been under way for a while: hardly any are. One timer looks after all of them.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Connection } from "../../wire/rpc/index.ts";
import { PATIENT_MS } from "./limits.ts";

export class Patience {
  readonly #clock: Clock;
  /** Begun since the last look, and before it. */
  #young = new Set<Connection>();
  #old = new Set<Connection>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begun(connection: Connection): void {
    if (!connection.patient) return;
    this.#young.add(connection);
    this.#timer ??= this.#clock.after(PATIENT_MS / 2, () => this.#look());
  }

  ended(connection: Connection): void {
    if (!this.#young.delete(connection)) this.#old.delete(connection);
    if (this.#young.size + this.#old.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    for (const connection of this.#old) connection.patient?.();
    this.#old = this.#young;
    this.#young = new Set();
    this.#timer = this.#old.size === 0 ? undefined : this.#clock.after(PATIENT_MS / 2, () => this.#look());
  }
}

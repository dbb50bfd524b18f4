/**
 * Says when files may have changed and stay as they are: once after it has begun (they may have changed just before), then for what
 * differs from the last time that was told; and only for what is the same in two looks one behind the other, so that nothing half-written
 * is taken. Looks only while somebody wants it to.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { LOOK_MS } from "./limits.ts";

export interface FileLookPorts {
  readonly clock: Clock;
  /** A text that is another one when the files are; undefined when nothing needs to be looked at any more. */
  look(): string | undefined;
  changed(): void;
}

export class FileLook {
  readonly #ports: FileLookPorts;
  #timer: Timer | undefined;
  #seen: string | undefined;
  #told: string | undefined;

  constructor(ports: FileLookPorts) {
    this.#ports = ports;
  }

  /** Goes on until there is nothing to look at. */
  begin(): void {
    if (this.#timer) return;
    this.#told = undefined;
    this.#seen = this.#ports.look();
    this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(): void {
    this.#timer = this.#ports.clock.after(LOOK_MS, () => this.#tick());
  }

  #tick(): void {
    const now = this.#ports.look();
    if (now === undefined) return this.stop();
    const isSettled = now === this.#seen;
    this.#seen = now;
    this.#schedule();
    if (!isSettled || now === this.#told) return;
    this.#told = now;
    this.#ports.changed();
  }
}

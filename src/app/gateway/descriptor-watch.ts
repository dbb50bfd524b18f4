/**
 * Tells when the system gives this process no more file descriptors: new clients wait in the backlog of the port then, and nothing else says so, for
 * the runtime tries again by itself. Found out by asking for one now and then.
 */
import { closeSync, openSync } from "node:fs";
import type { Clock, Timer } from "../../base/clock.ts";

const LOOK_MS = 2_000;
const NONE_LEFT: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE"]);

export interface DescriptorWatchPorts {
  readonly clock: Clock;
  readonly warn: (text: string) => void;
  /** Opens and closes a file; throws as the system does. For tests. */
  readonly probe?: (() => void) | undefined;
}

export class DescriptorWatch {
  readonly #ports: DescriptorWatchPorts;
  #areNone = false;
  #timer: Timer;

  constructor(ports: DescriptorWatchPorts) {
    this.#ports = ports;
    this.#timer = this.#later();
  }

  close(): void {
    this.#timer.cancel();
  }

  #later(): Timer {
    return this.#ports.clock.after(LOOK_MS, () => {
      this.#look();
      this.#timer = this.#later();
    });
  }

  #look(): void {
    const { probe = probeSystem, warn } = this.#ports;
    const wereNone = this.#areNone;
    try {
      probe();
      this.#areNone = false;
    } catch (thrown) {
      this.#areNone = NONE_LEFT.has((thrown as { code?: unknown } | undefined)?.code); // anything may be thrown
    }
    if (this.#areNone && !wereNone)
      warn("no file descriptors are left: new clients wait until others go; a higher limit (ulimit -n) is required");
    if (!this.#areNone && wereNone) warn("there are file descriptors again");
  }
}

function probeSystem(): void {
  closeSync(openSync("/dev/null", "r"));
}

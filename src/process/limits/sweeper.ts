/**
 * Ends what dead hosts of this daemon have left behind: processes that fled from the host's process group. Looking through
 * /proc takes some milliseconds, so it is done a moment later, for all ends since at once, and apart from the event loop.
 */
import type { Clock } from "../../base/clock.ts";
import { killMarked, type MarkedProcess, markedProcesses } from "./marked-processes.ts";
import { processStat } from "./proc.ts";

/** Let the batch that waits for the next host have the processor first; and many ends in a row are one sweep. */
const SWEEP_DELAY_MS = 500;
/** A process that starts new ones faster than they are killed is met this often; the next end, or the warden, goes on. */
const ROUNDS_MAX = 20;

export class Sweeper {
  readonly #instance: string;
  readonly #isLive: (host: number) => boolean;
  readonly #clock: Clock;
  readonly #since: string | undefined;
  #state: "idle" | "scheduled" | "sweeping" | "again" = "idle";

  constructor(instance: string, isLive: (host: number) => boolean, clock: Clock) {
    this.#instance = instance;
    this.#isLive = isLive;
    this.#clock = clock;
    this.#since = processStat("self")?.startTicks;
  }

  /** A host has ended. */
  schedule(): void {
    if (this.#since === undefined) return; // no /proc to look through
    if (this.#state === "sweeping") this.#state = "again";
    if (this.#state !== "idle") return;
    this.#state = "scheduled";
    this.#clock.after(SWEEP_DELAY_MS, () => void this.#run());
  }

  async #run(): Promise<void> {
    this.#state = "sweeping";
    await this.sweep();
    const again = (this.#state as string) === "again"; // set by an end while it waited
    this.#state = "idle";
    if (again) this.schedule();
  }

  /** Resolves with how many were killed, when a look finds nothing more. */
  async sweep(): Promise<number> {
    let killed = 0;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const left = await this.#leftovers();
      const hit = left.filter(killMarked).length;
      if (hit === 0) break;
      killed += hit;
    }
    return killed;
  }

  #leftovers(): Promise<MarkedProcess[]> {
    return markedProcesses(({ host, instance }) => instance === this.#instance && !this.#isLive(host), this.#since);
  }
}

/**
 * What one look at the directories has set going, service by service: told when all of it is done, or as far as it has come to who does not
 * want to wait for an `init` that takes its time.
 */
import { messageOf } from "../../../base/errors.ts";
import type { FaultOfFile, RescanReport } from "./types.ts";

export type Change = "started" | "swapped" | "stopped" | "unchanged";

/** One service of it. */
export interface Applying {
  readonly what: Change;
  readonly file: string;
  /** As it is called at the moment. */
  label(): string;
  /** Resolves when it serves, or with why it does not. */
  readonly done: Promise<string | undefined>;
}

export class Scan {
  readonly #told: Record<Change, string[]> = { started: [], swapped: [], stopped: [], unchanged: [] };
  readonly #faults: FaultOfFile[];
  readonly #open: Set<Applying>;
  /** Never rejects. */
  readonly done: Promise<unknown>;

  constructor(faults: readonly FaultOfFile[], applying: readonly Applying[]) {
    this.#faults = [...faults];
    this.#open = new Set(applying);
    this.done = Promise.all(applying.map((each) => this.#follow(each)));
  }

  /** So far. */
  report(): RescanReport {
    const starting = [...this.#open].map((each) => each.label());
    const { started, stopped, swapped, unchanged } = this.#told;
    const faults = [...this.#faults];
    return {
      started: started.toSorted(),
      swapped: swapped.toSorted(),
      stopped: stopped.toSorted(),
      unchanged: unchanged.toSorted(),
      starting: starting.toSorted(),
      faults,
    };
  }

  async #follow(each: Applying): Promise<void> {
    const fault = await each.done.catch(messageOf);
    this.#open.delete(each);
    if (fault === undefined) this.#told[each.what].push(each.label());
    else this.#faults.push({ file: each.file, message: fault });
  }
}

/**
 * One submission, in memory and on disk. What must not be forgotten is stored before it holds; what has happened anyway holds at
 * once and is stored as soon as that can be: a full disk is no reason to lie about a pipeline, or to end the master.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Submission } from "./submissions.ts";

/** Between two tries to store what could not be stored: little against the time in which a person makes room. */
export const SAVE_AGAIN_MS = 1_000;

export interface KeptSubmissionPorts {
  readonly clock: Pick<Clock, "after">;
  /** Durable when it returns; throws when it is not. */
  readonly save: (entry: Submission) => void;
  readonly tell: (text: string) => void;
}

export class KeptSubmission {
  readonly #ports: KeptSubmissionPorts;
  #entry: Submission;
  #unsaved: string | undefined;
  #again: Timer | undefined;
  #isClosed = false;

  constructor(entry: Submission, ports: KeptSubmissionPorts) {
    this.#entry = entry;
    this.#ports = ports;
  }

  get entry(): Submission {
    return this.#entry;
  }

  /** Why the disk has it otherwise than it is. */
  get unsaved(): string | undefined {
    return this.#unsaved;
  }

  /** Stores how it is going to be; it is as it was until somebody changes it. Fails as `save`. */
  announce(change: Partial<Submission>): void {
    this.#ports.save({ ...this.#entry, ...change });
  }

  /** On disk when it returns. Fails as `save`; nothing has changed then. */
  change(change: Partial<Submission>): void {
    const next = { ...this.#entry, ...change };
    this.#ports.save(next);
    this.#entry = next;
    this.#saved();
  }

  /** Holds from now on, and is stored now or as soon as that can be. Never throws. */
  changeAnyway(change: Partial<Submission>): void {
    this.#entry = { ...this.#entry, ...change };
    this.#save();
  }

  /** Tries no more: the next life goes on with what the disk has. */
  close(): void {
    this.#isClosed = true;
    this.#again?.cancel();
  }

  #save(): void {
    if (this.#isClosed) return;
    this.#again?.cancel();
    try {
      this.#ports.save(this.#entry);
      this.#saved();
    } catch (thrown) {
      if (this.#unsaved === undefined) this.#ports.tell(`${this.#entry.name}: ${messageOf(thrown)}; tried again`);
      this.#unsaved = messageOf(thrown);
      this.#again = this.#ports.clock.after(SAVE_AGAIN_MS, () => this.#save());
    }
  }

  #saved(): void {
    this.#again?.cancel();
    this.#unsaved = undefined;
  }
}

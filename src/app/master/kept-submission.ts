/**
 * One submission, in memory and kept. What must not be forgotten is stored before it holds; what has happened anyway holds at
 * once and is stored as soon as that can be: a store that takes nothing is no reason to lie about a pipeline, or to end the
 * master. One write at a time: what is stored last is how it is.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { isDeposed } from "../../base/kept-state.ts";
import type { Submission } from "./submissions.ts";

/** Between two tries to store what could not be stored: little against the time in which a person makes room. */
export const SAVE_AGAIN_MS = 1_000;

export interface KeptSubmissionPorts {
  readonly clock: Pick<Clock, "after">;
  /** Durable when it resolves; when it fails nobody knows. */
  readonly save: (entry: Submission) => Promise<void>;
  readonly tell: (text: string) => void;
}

export class KeptSubmission {
  readonly #ports: KeptSubmissionPorts;
  #entry: Submission;
  #unsaved: string | undefined;
  #again: Timer | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  /** A write of how it is has its place in the line. */
  #isDue = false;
  #isClosed = false;

  constructor(entry: Submission, ports: KeptSubmissionPorts) {
    this.#entry = entry;
    this.#ports = ports;
  }

  get entry(): Submission {
    return this.#entry;
  }

  /** Why the store has it otherwise than it is. */
  get unsaved(): string | undefined {
    return this.#unsaved;
  }

  /** Stores how it is going to be; it is as it was until somebody changes it. Fails as `save`. */
  announce(change: Partial<Submission>): Promise<void> {
    return this.#first(change, () => {});
  }

  /** Stored when it resolves, and holds then. Fails as `save`; nothing has changed then. */
  change(change: Partial<Submission>): Promise<void> {
    return this.#first(change, () => {
      this.#entry = { ...this.#entry, ...change };
    });
  }

  /** Holds from now on, and is stored soon, or as soon as that can be. Never throws. */
  changeAnyway(change: Partial<Submission>): void {
    this.#entry = { ...this.#entry, ...change };
    this.#save();
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    for (let last: unknown; last !== this.#writing; ) {
      last = this.#writing;
      await last;
    }
  }

  /** Tries no more: the next life goes on with what is kept. */
  close(): void {
    this.#isClosed = true;
    this.#again?.cancel();
  }

  /** `stored` is called before anything else of this submission is written. */
  #first(change: Partial<Submission>, stored: () => void): Promise<void> {
    return this.#inLine(async () => {
      try {
        await this.#ports.save({ ...this.#entry, ...change });
      } catch (thrown) {
        if (!isDeposed(thrown)) this.#save(); // it may have been written nevertheless
        throw thrown;
      }
      stored();
      if (!this.#isDue) this.#saved();
    });
  }

  #save(): void {
    if (this.#isClosed || this.#isDue) return;
    this.#again?.cancel();
    this.#isDue = true;
    void this.#inLine(() => this.#write());
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    this.#isDue = false;
    if (this.#isClosed) return;
    try {
      await this.#ports.save(this.#entry);
      this.#saved();
    } catch (thrown) {
      if (isDeposed(thrown)) return this.close();
      if (this.#unsaved === undefined) this.#ports.tell(`${this.#entry.name}: ${messageOf(thrown)}; tried again`);
      this.#unsaved = messageOf(thrown);
      if (!this.#isClosed) this.#again = this.#ports.clock.after(SAVE_AGAIN_MS, () => this.#save());
    }
  }

  #saved(): void {
    this.#again?.cancel();
    this.#unsaved = undefined;
  }

  #inLine<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => {});
    return done;
  }
}

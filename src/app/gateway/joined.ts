/**
 * A job that many ask for: one at a time, and one that waits is enough. It begins behind the last of those who wait for it, so it sees all
 * that they have seen, and ends for all of them alike.
 */
export class Joined {
  readonly #job: () => Promise<void>;
  #under: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;

  constructor(job: () => Promise<void>) {
    this.#job = job;
  }

  /** Fails as the job does. */
  ask(): Promise<void> {
    if (this.#under === undefined) return this.#begin();
    this.#waiting ??= this.#under
      .catch(() => {}) // told to those who have asked for that one
      .then(() => {
        this.#waiting = undefined;
        return this.#begin();
      });
    return this.#waiting;
  }

  #begin(): Promise<void> {
    const under = this.#job().finally(() => {
      this.#under = undefined;
    });
    this.#under = under;
    return under;
  }
}

/** So many calls of one method at once, so many more that wait, in order. Whoever finds no place is refused at once. */
import { overloaded } from "./failures.ts";

export class Bulkhead {
  readonly #what: string;
  readonly #places: number;
  readonly #queue: number;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(what: string, places: number, queue: number) {
    this.#what = what;
    this.#places = places;
    this.#queue = queue;
  }

  /** Undefined: there is a place, taken now. A promise: there will be one, unless the signal aborts (true: it was given). */
  enter(signal: () => AbortSignal): Promise<boolean> | undefined {
    if (this.#taken < this.#places) {
      this.#taken++;
      return undefined;
    }
    if (this.#waiting.size >= this.#queue)
      throw overloaded(this.#what, `${this.#places} calls are under way and ${this.#waiting.size} wait`);
    return this.#wait(signal());
  }

  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#taken--;
    else next(); // the place passes on
  }

  #wait(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isGiven: boolean): void => {
        this.#waiting.delete(given);
        signal.removeEventListener("abort", left);
        resolve(isGiven);
      };
      const given = (): void => settle(true);
      const left = (): void => settle(false);
      this.#waiting.add(given);
      signal.addEventListener("abort", left, { once: true });
    });
  }
}

/**
 * The first few of many, in constant memory: the slowest items, examples of a failure. `compare` must tell any two different
 * values apart; those it does not are the same and are kept once. So lists can be merged in any order, and twice.
 */
export class TopList<T> {
  readonly #limit: number;
  readonly #compare: (left: T, right: T) => number;
  readonly #values: T[] = [];

  /** Keeps the `limit` values that `compare` puts in front. */
  constructor(limit: number, compare: (left: T, right: T) => number) {
    this.#limit = limit;
    this.#compare = compare;
  }

  /** Whether it would be kept: cheap, to ask before a value is made. */
  takes(value: T): boolean {
    return this.#values.length < this.#limit || this.#compare(value, this.#values.at(-1)!) < 0;
  }

  add(value: T): void {
    if (!this.takes(value)) return;
    let at = this.#values.length;
    while (at > 0 && this.#compare(value, this.#values[at - 1]!) < 0) at--;
    if (at > 0 && this.#compare(value, this.#values[at - 1]!) === 0) return;
    this.#values.splice(at, 0, value);
    if (this.#values.length > this.#limit) this.#values.pop();
  }

  /** In the order of `compare`. */
  list(): T[] {
    return [...this.#values];
  }
}

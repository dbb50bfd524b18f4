/**
 * A plain list that is read from its front: what was read is cut off when it is half of it and worth the copy. (`Array.shift`
 * moves the whole list each time, and a Map steps over all that was deleted at its front.)
 */
const CUT_MIN = 1_024;

export class Fifo<T> {
  #items: T[] = [];
  #front = 0;

  get size(): number {
    return this.#items.length - this.#front;
  }

  get first(): T | undefined {
    return this.#items[this.#front];
  }

  get last(): T | undefined {
    return this.#items.at(-1);
  }

  add(item: T): void {
    this.#items.push(item);
  }

  take(): T | undefined {
    const item = this.#items[this.#front];
    if (item === undefined) return undefined;
    this.#front++;
    if (this.#front === this.#items.length) {
      this.#items = [];
      this.#front = 0;
    } else if (this.#front >= CUT_MIN && this.#front * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#front);
      this.#front = 0;
    }
    return item;
  }

  /** How many at the front are so, up to the first that is not. */
  countWhile(isSo: (item: T) => boolean): number {
    let at = this.#front;
    while (at < this.#items.length && isSo(this.#items[at]!)) at++;
    return at - this.#front;
  }

  /** A copy, of the first so many when `limit` is given. */
  list(limit = this.size): T[] {
    return this.#items.slice(this.#front, this.#front + limit);
  }
}

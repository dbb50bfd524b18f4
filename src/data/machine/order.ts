/** Things in an order that changes at its ends and anywhere by removal: a list that runs through the things themselves. */
export interface Linked<T> {
  /** The order's own. */
  before: T | undefined;
  after: T | undefined;
}

export class Order<T extends Linked<T>> {
  #first: T | undefined;
  #last: T | undefined;

  get first(): T | undefined {
    return this.#first;
  }

  /** It is in no order yet, or was removed. */
  append(item: T): void {
    item.before = this.#last;
    item.after = undefined;
    if (this.#last === undefined) this.#first = item;
    else this.#last.after = item;
    this.#last = item;
  }

  /** It is in. */
  remove(item: T): void {
    if (item.before === undefined) this.#first = item.after;
    else item.before.after = item.after;
    if (item.after === undefined) this.#last = item.before;
    else item.after.before = item.before;
    item.before = undefined;
    item.after = undefined;
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let item = this.#first; item !== undefined; item = item.after) yield item;
  }
}

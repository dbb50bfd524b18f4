/** Requests that wait for a connection, the oldest first. Who leaves early is passed over when its turn comes. */
import type { Asked } from "./asked.ts";

/** Fewer places before the head are not worth moving the others. */
const COMPACT_AT = 1_024;

export class Waiting {
  #list: Asked[] = [];
  #head = 0;
  #size = 0;

  /** Without those who have left. */
  get size(): number {
    return this.#size;
  }

  /** Perhaps one that has left. */
  get newest(): Asked | undefined {
    return this.#list.at(-1);
  }

  push(asked: Asked): void {
    asked.room = this;
    this.#list.push(asked);
    this.#size++;
  }

  shift(): Asked | undefined {
    while (this.#head < this.#list.length) {
      const asked = this.#list[this.#head++]!;
      if (asked.room !== this) continue;
      this.leave(asked);
      if (this.#size === 0) this.#clear();
      else if (this.#head >= COMPACT_AT) this.#compact();
      return asked;
    }
    return undefined;
  }

  /** Those whose time is over, taken out; the others stay as they are. */
  takeDue(isDue: (asked: Asked) => boolean): Asked[] {
    const due = this.#list.slice(this.#head).filter((asked) => asked.room === this && isDue(asked));
    for (const asked of due) this.leave(asked);
    return due;
  }

  leave(asked: Asked): void {
    if (asked.room !== this) return;
    asked.room = undefined;
    this.#size--;
  }

  #compact(): void {
    this.#list = this.#list.slice(this.#head);
    this.#head = 0;
  }

  #clear(): void {
    this.#list = [];
    this.#head = 0;
  }
}

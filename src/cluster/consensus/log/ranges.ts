/**
 * Which entries are in force and how far each segment holds any of them: entries replace everything from the first one's index on, so a
 * later record takes the end away from earlier segments.
 */
export class Ranges {
  /** Index before the first entry in force. */
  #base: number;
  #last: number;
  /** The last index in force that a segment holds, in the segments' order. */
  readonly #lastIn = new Map<number, number>();

  constructor(base: number) {
    this.#base = base;
    this.#last = base;
  }

  get firstIndex(): number {
    return this.#base + 1;
  }

  get lastIndex(): number {
    return this.#last;
  }

  append(sequence: number, firstIndex: number, count: number): void {
    for (const [each, last] of this.#lastIn) if (last >= firstIndex) this.#lastIn.set(each, firstIndex - 1);
    if (firstIndex <= this.#base) this.#base = firstIndex - 1;
    this.#last = firstIndex + count - 1;
    this.#lastIn.set(sequence, this.#last);
  }

  reset(base: number): void {
    this.#base = base;
    this.#last = base;
    this.#lastIn.clear();
  }

  /** Whether nothing behind `index` lies in this segment. */
  isBehind(sequence: number, index: number): boolean {
    return (this.#lastIn.get(sequence) ?? 0) <= index;
  }

  drop(sequence: number): void {
    const last = this.#lastIn.get(sequence);
    this.#lastIn.delete(sequence);
    if (last !== undefined && last > this.#base) this.#base = last;
  }
}

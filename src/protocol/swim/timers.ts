/**
 * What is due when: a binary heap of deadlines, the earliest first and among equals the one set first. Timers are taken out
 * when cancelled, not left to run out, so that memory follows what is really awaited.
 */
export interface TimerEntry {
  readonly dueMs: number;
  readonly order: number;
  readonly ring: () => void;
  /** Its place in the heap; -1 when it is in none. */
  at: number;
}

export class Timers {
  readonly #heap: TimerEntry[] = [];
  #orders = 0;

  get firstMs(): number | undefined {
    return this.#heap[0]?.dueMs;
  }

  get size(): number {
    return this.#heap.length;
  }

  set(dueMs: number, ring: () => void): TimerEntry {
    const timer: TimerEntry = { dueMs, order: this.#orders++, ring, at: this.#heap.length };
    this.#heap.push(timer);
    this.#rise(timer);
    return timer;
  }

  /** One that has rung or is cancelled stays so. */
  cancel(timer: TimerEntry | undefined): void {
    if (timer === undefined || timer.at < 0) return;
    const { at } = timer;
    timer.at = -1;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    this.#put(last, at);
    this.#rise(last);
    this.#sink(last);
  }

  /** Rings what is due. What is set meanwhile for now or earlier rings too. How many have rung? */
  ringUntil(nowMs: number): number {
    let rung = 0;
    for (let first = this.#heap[0]; first !== undefined && first.dueMs <= nowMs; first = this.#heap[0]) {
      this.cancel(first);
      first.ring();
      rung++;
    }
    return rung;
  }

  clear(): void {
    for (const timer of this.#heap) timer.at = -1;
    this.#heap.length = 0;
  }

  #rise(timer: TimerEntry): void {
    while (timer.at > 0) {
      const parentAt = (timer.at - 1) >> 1;
      const parent = this.#heap[parentAt]!;
      if (!isBefore(timer, parent)) return;
      this.#put(parent, timer.at);
      this.#put(timer, parentAt);
    }
  }

  #sink(timer: TimerEntry): void {
    for (;;) {
      const leftAt = 2 * timer.at + 1;
      const left = this.#heap[leftAt];
      const right = this.#heap[leftAt + 1];
      const child = right !== undefined && isBefore(right, left!) ? right : left;
      if (child === undefined || !isBefore(child, timer)) return;
      const childAt = child.at;
      this.#put(child, timer.at);
      this.#put(timer, childAt);
    }
  }

  #put(timer: TimerEntry, at: number): void {
    this.#heap[at] = timer;
    timer.at = at;
  }
}

function isBefore(a: TimerEntry, b: TimerEntry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

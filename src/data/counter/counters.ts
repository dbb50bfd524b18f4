/**
 * Counters: a whole number for each name, 0 for those that nobody has touched. A counter that comes back to 0 is forgotten, so
 * names cost nothing for ever. Only numbers that a double holds exactly are taken: past them a sum would silently be wrong, so
 * such a sum is refused and the counter stays. Not here: who may not change one for now (see `data/transaction`).
 */
import { byCodeUnits, firstNames, inPieces, listOf, pieceFault, textOf } from "../structure/index.ts";
import {
  type Answer,
  type CounterOperation,
  type CounterReply,
  done,
  type Moment,
  RECORD_BYTES,
  type Refused,
  refused,
  type Structure,
  type Transactional,
} from "../words/index.ts";

/** Counters that are not 0: for one per user of a large site, at some 10 MB. */
export const COUNTERS_MAX = 100_000;

export interface CounterView {
  readonly counter: string;
  readonly value: number;
}

export class Counters implements Structure, Transactional<CounterOperation> {
  readonly name = "counters";
  readonly nextDueMs = undefined;
  readonly #countersMax: number;
  #values = new Map<string, number>();
  #sizeBytes = 0;

  constructor(options: { readonly countersMax?: number } = {}) {
    this.#countersMax = options.countersMax ?? COUNTERS_MAX;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** No time passes for a counter. */
  advance(): void {}

  get(counter: string): number {
    return this.#values.get(counter) ?? 0;
  }

  /** Those that are not 0, by name. */
  list(limit: number, after?: string): CounterView[] {
    return firstNames(this.#values.keys(), limit, after).map((counter) => ({ counter, value: this.get(counter) }));
  }

  add(command: Extract<CounterOperation, { type: "counter.add" }>, moment: Moment): Answer<CounterReply> {
    return this.#change(command, moment);
  }

  set(command: Extract<CounterOperation, { type: "counter.set" }>, moment: Moment): Answer<CounterReply> {
    return this.#change(command, moment);
  }

  check(operations: readonly CounterOperation[], _moment: Moment): Refused | undefined {
    const after = new Map<string, number>();
    let more = 0;
    for (const operation of operations) {
      const { counter } = operation;
      const before = after.get(counter) ?? this.get(counter);
      const value = resultOf(operation, before);
      if (!Number.isSafeInteger(value)) return overflow(operation, before);
      if (before === 0 && value !== 0) more++;
      if (before !== 0 && value === 0) more--;
      after.set(counter, value);
    }
    return more > 0 && this.#values.size + more > this.#countersMax ? this.#full(operations[0]!.counter) : undefined;
  }

  run(operation: CounterOperation, _moment: Moment): CounterReply {
    const { counter } = operation;
    const value = resultOf(operation, this.get(counter));
    const isNew = !this.#values.has(counter);
    if (value === 0) {
      if (this.#values.delete(counter)) this.#sizeBytes -= RECORD_BYTES + counter.length;
      return { value: 0 };
    }
    this.#values.set(counter, value);
    if (isNew) this.#sizeBytes += RECORD_BYTES + counter.length;
    return { value };
  }

  capture(): Iterable<unknown> {
    const entries = [...this.#values];
    return piecesOf(entries);
  }

  restore(pieces: Iterable<unknown>): void {
    const values = new Map<string, number>();
    let sizeBytes = 0;
    for (const piece of pieces) {
      for (const row of listOf(piece, "a piece of counters")) {
        const [name, value] = listOf(row, "a counter", 2);
        const counter = textOf(name, "a counter's name");
        if (!Number.isSafeInteger(value) || value === 0 || values.has(counter)) {
          throw pieceFault(`counter ${counter}`, value, "once a whole number that is not 0");
        }
        values.set(counter, value as number);
        sizeBytes += RECORD_BYTES + counter.length;
      }
    }
    this.#values = values;
    this.#sizeBytes = sizeBytes;
  }

  #change(operation: CounterOperation, moment: Moment): Answer<CounterReply> {
    return this.check([operation], moment) ?? done(this.run(operation, moment));
  }

  #full(counter: string): Refused {
    const { size } = this.#values;
    return refused(
      "data.full",
      `changing counter ${counter}: there are ${size} counters, at most ${this.#countersMax} may be other than 0`,
      true,
    );
  }
}

function resultOf(operation: CounterOperation, before: number): number {
  return operation.type === "counter.set" ? operation.to : before + operation.by;
}

function overflow(operation: CounterOperation, before: number): Refused {
  const { counter } = operation;
  const how = operation.type === "counter.set" ? `set to ${operation.to}` : `${before} and ${operation.by} more`;
  return refused(
    "data.counter.overflow",
    `changing counter ${counter}: ${how}, a whole number from -(2^53 - 1) to 2^53 - 1 is required`,
  );
}

function* piecesOf(entries: [string, number][]): Generator<unknown> {
  entries.sort(([left], [right]) => byCodeUnits(left, right));
  yield* inPieces(
    entries,
    (entry) => entry,
    ([counter]) => counter.length + 16,
  );
}

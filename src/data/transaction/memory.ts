/**
 * How transactions ended, for a bounded time: a command that comes late or twice is answered as the first one was. It forgets by age
 * alone, never for want of room: who adds asks first whether there is room (`isFull`).
 */
import { Fifo, listOf, pieceFault, textOf, wholeOf } from "../structure/index.ts";
import { type Decision, RECORD_BYTES } from "../words/index.ts";
import { REMEMBERED_MS } from "./limits.ts";

export interface Remembered {
  readonly id: string;
  readonly decision: Decision;
  readonly atMs: number;
}

export class Memory {
  readonly #byId = new Map<string, Remembered>();
  readonly #byAge = new Fifo<Remembered>();
  #sizeBytes = 0;

  get size(): number {
    return this.#byAge.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(id: string): Decision | undefined {
    return this.#byId.get(id)?.decision;
  }

  /** The id must not be in it. */
  add(remembered: Remembered): void {
    this.#byId.set(remembered.id, remembered);
    this.#byAge.add(remembered);
    this.#sizeBytes += RECORD_BYTES + remembered.id.length;
  }

  forget(nowMs: number): void {
    for (
      let { first } = this.#byAge;
      first !== undefined && first.atMs + REMEMBERED_MS <= nowMs;
      { first } = this.#byAge
    ) {
      this.#byAge.take();
      this.#byId.delete(first.id);
      this.#sizeBytes -= RECORD_BYTES + first.id.length;
    }
  }

  /** A copy, by age. */
  list(): Remembered[] {
    return this.#byAge.list();
  }
}

export function writeRemembered({ id, decision, atMs }: Remembered): unknown {
  return [id, decision === "commit", atMs];
}

export function readRemembered(row: unknown, memory: Memory): void {
  const [idRead, isCommit, atMs] = listOf(row, "a transaction that ended", 3);
  const id = textOf(idRead, "its id");
  if (typeof isCommit !== "boolean") throw pieceFault(`the end of transaction ${id}`, isCommit, "true or false");
  if (memory.get(id) !== undefined) throw pieceFault("a transaction that ended", id, "each id once");
  memory.add({ id, decision: isCommit ? "commit" : "abort", atMs: wholeOf(atMs, "its time") });
}

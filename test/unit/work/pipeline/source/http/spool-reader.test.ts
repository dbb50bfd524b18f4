/** Batches out of a spool: the same ones at every reading, however the records came and whenever the first reader looked. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Spool } from "../../../../../../src/work/pipeline/source/http/spool.ts";
import {
  type Gathered,
  Gathering,
  type SpoolPlace,
} from "../../../../../../src/work/pipeline/source/http/spool-reader.ts";
import type { ReadLimits } from "../../../../../../src/work/pipeline/source/index.ts";
import { TestDirectory } from "../support.ts";

interface Batch extends Gathered {
  readonly text: string;
}

const FROM_START: SpoolPlace = { offset: 0, frame: 0, line: 1 };
const TARGET_BYTES = 64;

class Reader {
  readonly #spool: Spool;
  readonly #limits: ReadLimits;
  readonly #target = new Uint8Array(TARGET_BYTES);
  #place: SpoolPlace;
  #gathering: Gathering | undefined;

  constructor(spool: Spool, place: SpoolPlace, limits: ReadLimits) {
    this.#spool = spool;
    this.#place = place;
    this.#limits = limits;
  }

  /** The next batch when it is complete; `isLate`: as when no more came for a while. */
  async next(isLate: boolean): Promise<Batch | undefined> {
    this.#gathering ??= new Gathering(this.#spool, this.#place, this.#target, this.#limits);
    let found = this.#gathering.more();
    if (!found && isLate && !this.#gathering.isEmpty) {
      await this.#spool.markCut();
      found = this.#gathering.more();
    }
    if (!found) return undefined;
    this.#gathering = undefined;
    this.#place = found.end;
    return { ...found, text: Buffer.from(this.#target.subarray(0, found.bytes)).toString() };
  }
}

async function readAll(spool: Spool, place: SpoolPlace, limits: ReadLimits): Promise<Batch[]> {
  const reader = new Reader(spool, place, limits);
  const found: Batch[] = [];
  for (let batch = await reader.next(false); batch; batch = await reader.next(false)) found.push(batch);
  return found;
}

const request = fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 0, maxLength: 6 });
const step = fc.oneof(
  request.map((lengths) => ({ do: "post" as const, lengths })),
  fc.boolean().map((isLate) => ({ do: "read" as const, isLate })),
  fc.constant({ do: "commit" as const }),
);

describe("Gathering", () => {
  test("more() cuts the same batches again from every place, and together they are all records", async () => {
    const limits = fc.record({ rows: fc.integer({ min: 1, max: 5 }), bytes: fc.integer({ min: 1, max: 64 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), limits, async (steps, bounds) => {
        using directory = new TestDirectory();
        const spool = new Spool({ directory: directory.path, keysMax: 0, segmentBytes: 1 << 20 });
        const live = new Reader(spool, FROM_START, bounds);
        const batches: Batch[] = [];
        let text = "";
        let line = 0;
        for (const each of steps) {
          if (each.do === "post") {
            const lines = each.lengths.map((length) => `${String(line++).padEnd(length, ".")}\n`).join("");
            text += lines;
            await spool.append({ payload: Buffer.from(lines), records: 0, timeMs: line, keyed: undefined });
          } else if (each.do === "read") {
            const batch = await live.next(each.isLate);
            if (batch) batches.push(batch);
          } else if (batches.length > 0) spool.commit(batches.at(-1)!.end.frame);
        }
        for (let batch = await live.next(true); batch; batch = await live.next(true)) batches.push(batch);
        const short = (bytes: number): boolean => bytes <= TARGET_BYTES;
        const expected = text.split("\n").filter((each, i, all) => i < all.length - 1 && short(each.length + 1));
        expect(batches.map((batch) => batch.text).join("")).toBe(expected.map((each) => `${each}\n`).join(""));
        expect(batches.flatMap(({ oversized }) => oversized)).toHaveLength(line - expected.length);
        expect(await readAll(spool, FROM_START, bounds)).toEqual(batches);
        for (const [index, batch] of batches.entries())
          expect(await readAll(spool, batch.end, bounds)).toEqual(batches.slice(index + 1));
        expect(new Set(batches.map(({ start }) => start.offset)).size).toBe(batches.length);
        await spool.close();
      }),
      { numRuns: 60 },
    );
  });

  test("more() counts lines over all requests, and takes the time of the first", async () => {
    using directory = new TestDirectory();
    const spool = new Spool({ directory: directory.path, keysMax: 0 });
    for (const timeMs of [7, 8, 9]) {
      await spool.append({ payload: Buffer.from("a\nb\n"), records: 2, timeMs, keyed: undefined });
    }
    await spool.markCut();
    const found = await readAll(spool, FROM_START, { rows: 3, bytes: 100 });
    expect(found.map(({ rows, start, timeMs }) => [rows, start.line, timeMs])).toEqual([
      [3, 1, 7],
      [3, 4, 8],
    ]);
    await spool.close();
  });
});

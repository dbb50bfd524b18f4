/** The ordered row of a map's entries against a plain table that is sorted whenever it is looked at. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { SortedEntries } from "../../../../src/data/map/sorted-entries.ts";
import type { Entry } from "../../../../src/data/words/index.ts";

function entryOf(key: string, version: number): Entry {
  return { key, value: "", revision: version, created: version, version, lease: undefined };
}

class Naive {
  readonly table: Map<string, Entry>;

  constructor(table: Iterable<[string, Entry]> = []) {
    this.table = new Map(table);
  }

  range(from = "", end?: string): Entry[] {
    const keys = [...this.table.keys()].sort().filter((key) => key >= from && (end === undefined || key < end));
    return keys.map((key) => this.table.get(key)!);
  }
}

const key = fc.oneof(
  fc.integer({ min: 0, max: 400 }).map((number) => `key${number}`),
  fc.string({ maxLength: 2, unit: "binary" }),
);
const many = fc.integer({ min: 0, max: 1_000 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("set" as const), key }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("delete" as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom("fill" as const, "clear" as const), from: many, count: many }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("copy" as const) }) },
);

function same(sorted: SortedEntries, naive: Naive): void {
  expect(sorted.size).toBe(naive.table.size);
  expect([...sorted.range()]).toEqual(naive.range());
}

test("SortedEntries does what a sorted table does when keys come and go, and copies stay as they were", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), key, key, (steps, from, end) => {
      const sorted = new SortedEntries();
      const naive = new Naive();
      const copies: [SortedEntries, Naive][] = [];
      let version = 0;
      const set = (each: string): void => {
        const entry = entryOf(each, ++version);
        expect(sorted.set(entry)).toBe(naive.table.get(each)!);
        naive.table.set(each, entry);
      };
      const remove = (each: string): void => {
        expect(sorted.delete(each)).toBe(naive.table.get(each)!);
        naive.table.delete(each);
      };
      for (const each of steps) {
        if (each.type === "set") set(each.key);
        else if (each.type === "delete") remove(each.key);
        else if (each.type === "copy") copies.push([sorted.copy(), new Naive(naive.table)]);
        else for (let at = 0; at < each.count; at++) (each.type === "fill" ? set : remove)(`key${each.from + at}`);
      }
      same(sorted, naive);
      for (const [copy, before] of copies) same(copy, before);
      expect([...sorted.range(from, end)]).toEqual(naive.range(from, end));
      expect(sorted.count(from, end)).toBe(naive.range(from, end).length);
      for (const each of [from, end, "key7"]) expect(sorted.get(each)).toBe(naive.table.get(each)!);
    }),
    { numRuns: 60 },
  );
});

test("copy() is written to by itself when both go on", () => {
  const sorted = new SortedEntries();
  for (let at = 0; at < 1_000; at++) sorted.set(entryOf(`key${at}`, 1));
  const copy = sorted.copy();
  copy.delete("key500");
  copy.set(entryOf("key1", 2));
  sorted.set(entryOf("key2", 3));
  expect([sorted.size, copy.size]).toEqual([1_000, 999]);
  expect([sorted.get("key1")?.version, copy.get("key1")?.version]).toEqual([1, 2]);
  expect([sorted.get("key2")?.version, copy.get("key2")?.version]).toEqual([3, 1]);
});

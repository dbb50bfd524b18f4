/** The log in memory against a plain list of everything that was ever in it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Entry } from "../../../../src/protocol/raft/index.ts";
import { entryBytes, Log } from "../../../../src/protocol/raft/log.ts";

function entry(index: number, term: number, sizeBytes = 10): Entry {
  return { kind: "command", index, term, data: new Uint8Array(sizeBytes) };
}

function logOf(...terms: readonly number[]): Log {
  return new Log(
    0,
    0,
    terms.map((term, at) => entry(at + 1, term)),
  );
}

interface Model {
  floor: number;
  durable: number;
  entries: Entry[];
}

describe("Log", () => {
  test("append(), truncateFrom() and compact() keep what a plain list keeps when their order is any", () => {
    const act = fc.record({ kind: fc.constantFrom("append", "truncate", "compact", "persist"), at: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const log = new Log(0, 0, []);
        const model: Model = { floor: 0, durable: 0, entries: [] };
        let term = 1;
        for (const { at, kind } of acts) {
          const last = model.floor + model.entries.length;
          if (kind === "append") {
            term += at % 2;
            const fresh = entry(last + 1, term, at);
            log.append([fresh]);
            model.entries.push(fresh);
          } else if (kind === "truncate" && last > model.floor) {
            const from = model.floor + 1 + (at % (last - model.floor));
            log.truncateFrom(from);
            model.entries = model.entries.filter(({ index }) => index < from);
            model.durable = Math.min(model.durable, from - 1);
          } else if (kind === "compact") {
            const through = Math.min(at, model.durable);
            log.compact(through);
            model.entries = model.entries.filter(({ index }) => index > through);
            model.floor = Math.max(model.floor, through);
          } else if (kind === "persist" && last > model.floor) {
            log.persisted(last, model.entries.at(-1)!.term);
            model.durable = last;
          }
          expect([log.floorIndex, log.lastIndex, log.durableIndex]).toEqual([
            model.floor,
            model.floor + model.entries.length,
            model.durable,
          ]);
          expect(log.slice(model.floor + 1, log.lastIndex, Infinity)).toEqual(model.entries);
          expect(log.bytes).toBe(model.entries.reduce((sum, each) => sum + entryBytes(each), 0));
        }
      }),
    );
  });

  test("persisted() counts nothing when the entry was replaced since", () => {
    const log = new Log(0, 0, []);
    log.append([entry(1, 1), entry(2, 1)]);
    log.truncateFrom(2);
    log.append([entry(2, 2)]);
    expect(log.persisted(2, 1)).toBe(false);
    expect(log.durableIndex).toBe(0);
    expect(log.persisted(2, 2)).toBe(true);
    expect(log.durableIndex).toBe(2);
  });

  test("slice() gives at least one entry, and no more bytes than wanted", () => {
    const log = logOf(1, 1, 1, 1);
    const each = entryBytes(entry(1, 1));
    expect(log.slice(1, 4, 1).length).toBe(1);
    expect(log.slice(2, 4, each * 2).map(({ index }) => index)).toEqual([2, 3]);
    expect(log.slice(2, 3, Infinity).map(({ index }) => index)).toEqual([2, 3]);
  });

  test("lastAtMost() finds what a walk backwards finds when terms are any", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { maxLength: 20 }),
        fc.nat(22),
        fc.nat(60),
        fc.nat(20),
        (steps, index, term, cut) => {
          let current = 1;
          const log = logOf(...steps.map((step) => (current += step)));
          log.compact(Math.min(cut, log.lastIndex));
          let walked = Math.min(index, log.lastIndex);
          while (walked >= log.floorIndex && log.termAt(walked)! > term) walked--;
          const inFront = Math.min(index, log.floorIndex - 1);
          expect(log.lastAtMost(index, term)).toBe(Math.max(0, walked < log.floorIndex ? inFront : walked));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("keptFrom() keeps no more entries and bytes than wanted", () => {
    const log = logOf(1, 1, 1, 1, 1, 1);
    expect(log.keptFrom(6, 2, Infinity)).toBe(5);
    expect(log.keptFrom(6, 0, Infinity)).toBe(7);
    expect(log.keptFrom(6, 100, entryBytes(entry(1, 1)) * 3)).toBe(4);
    expect(log.keptFrom(4, 100, Infinity)).toBe(1);
  });
});

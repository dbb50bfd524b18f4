import { expect, test } from "bun:test";
import fc from "fast-check";
import { claimsOf, KeyLocks } from "../../../../src/data/transaction/key-locks.ts";
import type { Part } from "../../../../src/data/transaction/part.ts";
import type { TransactionOperation } from "../../../../src/data/words/index.ts";

const KEYS = ["a", "b", "c", "d", "e"];
const key = fc.constantFrom(...KEYS);
const use = fc.oneof(
  fc.record({ type: fc.constant("read" as const), key }),
  fc.record({ type: fc.constant("write" as const), key }),
  fc.record({ type: fc.constant("range" as const), key, end: fc.option(key, { nil: undefined }) }),
);
type Use = typeof use extends fc.Arbitrary<infer T> ? T : never;

function partOf(uses: readonly Use[]): Part {
  const map = "m";
  return {
    compare: uses.flatMap((each) => (each.type === "read" ? [{ type: "exists" as const, map, key: each.key }] : [])),
    // biome-ignore lint/suspicious/noThenProperty: the word of transactions
    then: uses.flatMap((each): TransactionOperation[] => {
      if (each.type === "write") return [{ type: "map.delete" as const, map, key: each.key }];
      return each.type === "range" ? [{ type: "map.deleteRange" as const, map, key: each.key, end: each.end }] : [];
    }),
  };
}

/** Of the keys there are. A range has them all to itself. */
function usesOf(uses: readonly Use[]): { readonly reads: Set<string>; readonly writes: Set<string> } {
  const reads = new Set<string>();
  const writes = new Set<string>();
  for (const each of uses) {
    if (each.type === "read") reads.add(each.key);
    else if (each.type === "write") writes.add(each.key);
    else for (const one of KEYS) if (one >= each.key && (each.end === undefined || one < each.end)) writes.add(one);
  }
  return { reads, writes };
}

test("KeyLocks keep writers from all and readers from writers when parts come and go at random", () => {
  const step = fc.oneof(fc.array(use, { minLength: 1, maxLength: 3 }), fc.nat());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const locks = new KeyLocks();
      const held: (readonly Use[])[] = [];
      for (const each of steps) {
        if (typeof each === "number") {
          const [gone] = held.splice(each % Math.max(1, held.length), 1);
          if (gone !== undefined) locks.release(claimsOf(partOf(gone)));
        } else {
          const mine = usesOf(each);
          const others = held.map(usesOf);
          const isFree = others.every(
            ({ reads, writes }) =>
              mine.writes.isDisjointFrom(reads) &&
              mine.writes.isDisjointFrom(writes) &&
              mine.reads.isDisjointFrom(writes),
          );
          const claims = claimsOf(partOf(each));
          // Two ranges may overlap where there is no key: then they are in each other's way as well.
          if (!isFree) expect(locks.conflict(claims)).toBeDefined();
          if (locks.conflict(claims) !== undefined) continue;
          locks.take(claims);
          held.push(each);
        }
        const now = held.map(usesOf);
        for (const one of KEYS) {
          const isWritten = now.some(({ writes }) => writes.has(one));
          expect(locks.isMapKeyTaken("m", one, "read")).toBe(isWritten);
          expect(locks.isMapKeyTaken("m", one, "write")).toBe(isWritten || now.some(({ reads }) => reads.has(one)));
          expect(locks.isMapKeyTaken("other", one, "write")).toBe(false);
        }
      }
      for (const each of held) locks.release(claimsOf(partOf(each)));
      for (const one of KEYS) expect(locks.isMapKeyTaken("m", one, "write")).toBe(false);
    }),
  );
});

test("claimsOf() takes counters that are changed alone, looks at locks with others, and leaves queues free", () => {
  const part: Part = {
    compare: [
      { type: "lock", lock: "l", token: 1 },
      { type: "counter", counter: "looked at", is: "=", than: 0 },
    ],
    // biome-ignore lint/suspicious/noThenProperty: the word of transactions
    then: [
      { type: "counter.add", counter: "changed", by: 1 },
      { type: "queue.enqueue", queue: "q", values: ["a"] },
    ],
  };
  const locks = new KeyLocks();
  locks.take(claimsOf(part));
  expect(locks.isLockPinned("l")).toBe(true);
  expect(locks.isLockPinned("q")).toBe(false);
  expect(locks.isCounterTaken("looked at", "read")).toBe(false);
  expect(locks.isCounterTaken("looked at", "write")).toBe(true);
  expect(locks.isCounterTaken("changed", "read")).toBe(true);
  // biome-ignore lint/suspicious/noThenProperty: the word of transactions
  const looking: Part = { compare: part.compare, then: [] };
  expect(locks.conflict(claimsOf(looking))).toBeUndefined();
});

/** Maps against a plain second implementation, with commands, transactions, the past, pages, events, compaction and snapshots at random. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Maps } from "../../../../src/data/map/index.ts";
import { type MapOperation, prefixEnd } from "../../../../src/data/words/index.ts";
import { NaiveMaps } from "./naive-maps.ts";

const map = fc.constantFrom("m", "n");
const key = fc.constantFrom("", "a", "ab", "abc", "b", "\ud7ff", "\u{1f600}", "\ue000", "\uffff");
const value = fc.oneof(fc.string({ maxLength: 3 }), fc.uint8Array({ maxLength: 3 }));
const end = fc.option(key, { nil: undefined });

const operation: fc.Arbitrary<MapOperation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("map.put" as const), map, key, value }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("map.delete" as const), map, key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("map.deleteRange" as const), map, key, end }) },
);
const step = fc.oneof(
  { weight: 6, arbitrary: operation.map((each) => ({ type: "command" as const, each })) },
  { weight: 2, arbitrary: fc.array(operation, { maxLength: 4 }).map((all) => ({ type: "transaction" as const, all })) },
  { weight: 1, arbitrary: fc.nat(60).map((back) => ({ type: "compact" as const, back })) },
  { weight: 1, arbitrary: fc.constant({ type: "restore" as const }) },
);
const question = fc.record({ map, key, end, back: fc.nat(25), limit: fc.integer({ min: 1, max: 4 }) });

const moment = { nowMs: 0, index: 1 };
const noLeases = { has: () => false, attach: () => {}, detach: () => {} };

function newMaps(eventsMax: number): Maps {
  return new Maps(noLeases, { history: { eventsMax, bytesMax: 1e9 }, changed: () => {} });
}

/** All pages of a range. */
function pagesOf(maps: Maps, query: Parameters<Maps["range"]>[0]): unknown[] {
  const entries: unknown[] = [];
  for (let after: string | undefined; ; ) {
    const page = maps.range({ ...query, after });
    entries.push(...page.entries);
    if (page.next === undefined) return entries;
    after = page.next;
  }
}

function ask(
  maps: Maps,
  naive: NaiveMaps,
  { map: name, key: from, end: to, back, limit }: typeof question extends fc.Arbitrary<infer Q> ? Q : never,
): void {
  const revision = Math.max(maps.compacted, maps.revision - back);
  expect(maps.get(name, from)).toEqual(naive.get(name, from)!);
  expect(maps.get(name, from, revision)).toEqual(naive.get(name, from, revision)!);
  const now = naive.range(name, from, to);
  expect(maps.range({ map: name, from, end: to })).toMatchObject({ entries: now, count: now.length });
  expect(maps.range({ map: name, from, end: to, countOnly: true })).toMatchObject({ entries: [], count: now.length });
  expect(pagesOf(maps, { map: name, from, end: to, limit })).toEqual(now);
  expect(pagesOf(maps, { map: name, from, end: to, limit, atRevision: revision })).toEqual(
    naive.range(name, from, to, revision),
  );
  const prefixed = naive.range(name, from, prefixEnd(from));
  expect(maps.range({ map: name, prefix: from }).entries).toEqual(prefixed);
  expect(prefixed.every((entry) => entry.key.startsWith(from))).toBe(true);
  const events = naive.events.filter((event) => event.revision > revision && event.map === name);
  expect(maps.events({ map: name, fromRevision: revision + 1, limit: 1_000 }).events).toEqual(events);
}

test("Maps answers like the plain ones when commands, compactions and snapshots come at random", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60, size: "max" }),
      fc.array(question, { minLength: 4, maxLength: 4 }),
      fc.constantFrom(5, 1_000),
      (steps, questions, eventsMax) => {
        const naive = new NaiveMaps();
        let maps = newMaps(eventsMax);
        for (const each of steps) {
          if (each.type === "command") {
            const outcome = maps.apply(each.each, moment);
            expect(outcome).toMatchObject({ ok: true, reply: naive.run([each.each])[0]! });
          } else if (each.type === "transaction") {
            const replies = each.all.map((one) => maps.run(one, moment));
            maps.seal();
            expect(replies).toMatchObject(naive.run(each.all));
          } else if (each.type === "compact") {
            const to = Math.max(0, maps.revision - each.back);
            expect(maps.compact(to).ok).toBe(true);
            expect(maps.compacted).toBeGreaterThanOrEqual(to);
          } else {
            const before = [...maps.capture()];
            const { sizeBytes, compacted } = maps;
            maps = newMaps(eventsMax);
            maps.restore(before);
            expect([...maps.capture()]).toEqual(before);
            expect([maps.sizeBytes, maps.compacted]).toEqual([sizeBytes, compacted]);
          }
          expect(maps.revision).toBe(naive.revision);
        }
        for (const each of questions) ask(maps, naive, each);
      },
    ),
    { numRuns: 150 },
  );
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Paged } from "../../../../src/edge/admin/index.ts";
import { type Page, pageInput, pageOf, pageQuestion } from "../../../../src/edge/admin/paging.ts";

interface Item {
  readonly id: number;
}

/** A method of each kind over the same list. */
const KINDS: readonly [Paged, (all: readonly Item[], input: Record<string, unknown>) => unknown][] = [
  [{ kind: "slice", items: "items", key: "id" }, (items) => ({ items })],
  [
    { kind: "after", items: "items", key: "id" },
    (all, { limit, after }) => {
      const rest = all.filter(({ id }) => after === undefined || id > Number(after));
      return { items: rest.slice(0, Number(limit)), more: rest.length > Number(limit) };
    },
  ],
  [
    { kind: "from", items: "items", total: "total" },
    (all, { from }) => ({ items: all.slice(Number(from)), total: all.length }),
  ],
  [
    { kind: "offset", items: "items", next: "next", limitMax: 4 },
    (all, { limit, offset }) => {
      expect(Number(limit)).toBeLessThanOrEqual(4);
      const end = Number(offset) + Number(limit);
      return { items: all.slice(Number(offset), end), ...(end < all.length && { next: end }) };
    },
  ],
];

function turn(
  paged: Paged,
  method: (typeof KINDS)[number][1],
  all: readonly Item[],
  limit: number,
  cursor?: string,
): Page {
  const question = pageQuestion({ limit, ...(cursor !== undefined && { cursor }) });
  return pageOf(paged, question, method(all, pageInput(paged, question)));
}

const list = fc
  .uniqueArray(fc.nat(200), { maxLength: 30 })
  .map((ids) => ids.sort((a, b) => a - b).map((id) => ({ id })));

describe("pageOf()", () => {
  for (const [paged, method] of KINDS) {
    test(`pageOf() tells each item once and in order when a list of kind ${paged.kind} is walked`, () => {
      fc.assert(
        fc.property(list, fc.integer({ min: 1, max: 12 }), (all, limit) => {
          const seen: Item[] = [];
          let cursor: string | undefined;
          for (let pages = 0; pages <= all.length; pages++) {
            const { next, output } = turn(paged, method, all, limit, cursor);
            const { items, next_cursor } = output as { items: Item[]; next_cursor?: string };
            expect([items.length <= limit, next_cursor]).toEqual([true, next]);
            seen.push(...items);
            cursor = next;
            if (next === undefined) break;
          }
          expect([seen, cursor]).toEqual([all, undefined]);
        }),
      );
    });
  }

  test("pageOf() misses nothing and repeats nothing that stays when a sliced list changes between pages", () => {
    const [paged, method] = KINDS[0]!;
    fc.assert(
      fc.property(
        list,
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.integer({ min: 201, max: 300 })),
        (all, limit, fresh) => {
          const first = turn(paged, method, all, limit);
          fc.pre(first.next !== undefined);
          // In front of what was told something new, and all that was told before the last item gone.
          const told = (first.output as { items: Item[] }).items;
          const later = [...fresh.map((id) => ({ id })), ...all.slice(told.length - 1)];
          const { output } = turn(paged, method, later, 500, first.next);
          expect((output as { items: Item[] }).items).toEqual(all.slice(told.length));
        },
      ),
    );
  });
});

/** The table of offers, against a dumb model of it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { OffersTable } from "../../../../../src/work/service/registry/index.ts";
import type { NodeOffers } from "../../../../../src/work/service/words/index.ts";
import { offerOf, serviceOf } from "../fakes.ts";

function offers(node: string, instance: string, revision: number, ...names: readonly string[]): NodeOffers {
  return { node, instance, revision, services: names.map((name) => offerOf(serviceOf(name))) };
}

function callable(table: OffersTable): readonly string[] {
  return [...table.places()]
    .filter(({ isReachable }) => isReachable)
    .map(({ node, offer }) => `${node} ${offer.description.name}`)
    .toSorted();
}

describe("OffersTable", () => {
  test("put() takes a higher revision of one life, no earlier one, and another life", () => {
    const table = new OffersTable("self");
    table.admit("a");
    expect(table.put(offers("a", "1", 2, "users"))).toBe(true);
    table.reach("a", true);
    expect(table.put(offers("a", "1", 2, "other"))).toBe(false);
    expect(table.put(offers("a", "1", 1, "other"))).toBe(false);
    expect(callable(table)).toEqual(["a users"]);
    expect(table.put(offers("a", "2", 1, "orders"))).toBe(true);
    expect(callable(table)).toEqual(["a orders"]);
  });

  test("places() tells nothing of who is no member, and all that it said once it is one", () => {
    const table = new OffersTable("self");
    table.put(offers("a", "1", 1, "users"));
    table.reach("a", true);
    expect(callable(table)).toEqual([]);
    table.admit("a");
    expect(callable(table)).toEqual(["a users"]);
    table.remove("a");
    table.admit("a");
    expect([...table.places()]).toEqual([]);
  });

  test("renew() forgets what the earlier life offered", () => {
    const table = new OffersTable("self");
    table.admit("a");
    table.put(offers("a", "1", 1, "users"));
    table.reach("a", true);
    table.renew("a");
    expect(callable(table)).toEqual([]);
    expect(table.put(offers("a", "2", 1, "users"))).toBe(true);
    expect(callable(table)).toEqual(["a users"]);
  });

  test("put() takes words of so many strangers and no more; a stranger whose link ends is forgotten", () => {
    const table = new OffersTable("self");
    for (let count = 0; count < 256; count++) expect(table.put(offers(`s${count}`, "1", 1))).toBe(true);
    expect(table.put(offers("late", "1", 1))).toBe(false);
    table.reach("s0", true);
    table.reach("s0", false);
    expect(table.offersOf("s0")).toBeUndefined();
    expect(table.put(offers("late", "1", 1))).toBe(true);
  });

  test("places() is what a dumb model says, after any events", () => {
    const node = fc.constantFrom("a", "b", "c");
    const event = fc.oneof(
      fc.record({
        kind: fc.constant("put" as const),
        node,
        life: fc.integer({ min: 1, max: 3 }),
        revision: fc.integer({ min: 1, max: 4 }),
        names: fc.subarray(["users", "orders"]),
      }),
      fc.record({ kind: fc.constantFrom("admit" as const, "remove" as const, "up" as const, "down" as const), node }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const table = new OffersTable("self");
        const members = new Set<string>();
        const linked = new Map<string, boolean>();
        const heard = new Map<string, { life: number; revision: number; names: readonly string[] }>();
        const isKnown = (id: string) => members.has(id) || heard.has(id);
        const forget = (id: string) => {
          heard.delete(id);
          linked.delete(id);
        };
        for (const each of events) {
          const its = heard.get(each.node);
          if (each.kind === "put") {
            const { life, names, revision } = each;
            table.put(offers(each.node, String(life), revision, ...names));
            if (its?.life !== life || its.revision < revision) heard.set(each.node, { life, revision, names });
          } else if (each.kind === "admit") {
            table.admit(each.node);
            members.add(each.node);
          } else if (each.kind === "remove") {
            table.remove(each.node);
            members.delete(each.node);
            forget(each.node);
          } else {
            table.reach(each.node, each.kind === "up");
            if (!isKnown(each.node)) continue;
            const was = linked.get(each.node) ?? false;
            linked.set(each.node, each.kind === "up");
            if (was && each.kind === "down" && !members.has(each.node)) forget(each.node);
          }
        }
        const expected = [...heard]
          .filter(([id]) => members.has(id) && linked.get(id))
          .flatMap(([id, { names }]) => names.map((name) => `${id} ${name}`));
        expect(callable(table)).toEqual(expected.toSorted());
      }),
      { numRuns: 500 },
    );
  });

  test("revision changes exactly when places() do, or what is known of them", () => {
    const table = new OffersTable("self");
    const steps: (() => void)[] = [
      () => table.admit("a"),
      () => table.put(offers("a", "1", 1, "users")),
      () => table.reach("a", true),
      () => table.reach("a", false),
      () => table.remove("a"),
    ];
    for (const step of steps) {
      const before = table.revision;
      step();
      expect(table.revision).not.toBe(before);
      const after = table.revision;
      if (step !== steps[1]) step();
      expect(table.revision).toBe(after);
    }
  });
});

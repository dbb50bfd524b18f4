import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../src/base/random.ts";
import type { Member, MemberState } from "../../../../src/protocol/swim/index.ts";
import { type Entry, MemberTable } from "../../../../src/protocol/swim/member-table.ts";
import { hashOf } from "../../../../src/protocol/swim/precedence.ts";

function memberOf(id: string, state: MemberState = "alive", incarnation = 0): Member {
  const meta = { name: "", roles: [], capacities: {}, labels: {} };
  return { id, address: { host: "h", port: 1 }, bornMs: 7, meta, incarnation, state };
}

function tableOf(count: number, seed = 1): MemberTable {
  const table = new MemberTable(seededRandom(seed));
  for (let at = 0; at < count; at++) table.add(memberOf(`n${at}`), "x", 0, false);
  return table;
}

const isUp = ({ member }: Entry): boolean => member.state === "alive" || member.state === "suspect";
const next = (table: MemberTable): string => table.nextInTurn(isUp, isUp)?.member.id ?? "nobody";
const round = (table: MemberTable, size: number): string[] => Array.from({ length: size }, () => next(table));

describe("MemberTable", () => {
  test("nextInTurn() names each once a round, in another order each time", () => {
    const table = tableOf(20);
    const rounds = [round(table, 20), round(table, 20), round(table, 20)];
    for (const each of rounds) expect(new Set(each).size).toBe(20);
    expect(new Set(rounds.map((each) => each.join())).size).toBe(3);
  });

  test("nextInTurn() names a newcomer within one round and the rest of the one under way", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const table = tableOf(10, seed);
      round(table, seed % 10);
      table.add(memberOf("new"), "x", 0, false);
      expect(round(table, 22)).toContain("new");
    }
  });

  test("nextInTurn() names nobody when nobody is wanted", () => {
    expect(next(tableOf(0))).toBe("nobody");
    const table = tableOf(3);
    for (const entry of table.all()) table.replace(entry, memberOf(entry.member.id, "dead"), "x", 1);
    expect(next(table)).toBe("nobody");
  });

  test("nextInTurn() names one who is back once a round, not twice", () => {
    const table = tableOf(5);
    const entry = table.get("n2")!;
    table.replace(entry, memberOf("n2", "dead"), "x", 1);
    table.replace(entry, memberOf("n2", "alive", 1), "x", 2);
    round(table, 5);
    expect(round(table, 5).filter((id) => id === "n2").length).toBe(1);
  });

  test("pick() gives as many different ones as there are, and only those wanted", () => {
    const table = tableOf(10);
    for (let count = 0; count < 12; count++) {
      const picked = table.pick(count, ({ member }) => member.id !== "n3").map(({ member }) => member.id);
      expect(picked.length).toBe(Math.min(count, 9));
      expect(new Set(picked).size).toBe(picked.length);
      expect(picked).not.toContain("n3");
    }
  });

  test("pick() gives everybody about equally often", () => {
    const table = tableOf(10);
    const times = new Map<string, number>();
    for (let turn = 0; turn < 3_000; turn++)
      for (const { member } of table.pick(3, isUp)) times.set(member.id, (times.get(member.id) ?? 0) + 1);
    for (const count of times.values()) expect(Math.abs(count - 900)).toBeLessThan(150);
  });

  test("digest is that of the members up, whatever happened on the way", () => {
    const change = fc.record({
      id: fc.constantFrom("a", "b", "c", "d"),
      state: fc.constantFrom<MemberState>("alive", "suspect", "dead", "left"),
      incarnation: fc.nat(3),
      isRemoved: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const table = new MemberTable(seededRandom(1));
        for (const { id, incarnation, isRemoved, state } of changes) {
          const entry = table.get(id);
          const member = memberOf(id, state, incarnation);
          if (entry === undefined) table.add(member, "x", 0, false);
          else if (isRemoved) table.remove(entry);
          else table.replace(entry, member, "x", 0);
          const up = [...table.all()].filter(isUp);
          expect(table.upCount).toBe(up.length);
          expect(table.goneCount).toBe(table.size - up.length);
          expect(table.digest).toBe(up.reduce((sum, each) => (sum + hashOf(each.member)) >>> 0, 0));
        }
      }),
    );
  });
});

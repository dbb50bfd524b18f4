import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { leaderOf, type Member } from "../../../../src/protocol/swim/index.ts";
import { member } from "./arbitraries.ts";

describe("leaderOf()", () => {
  test("leaderOf() is undefined when nobody is up", () => {
    fc.assert(
      fc.property(fc.array(member), (members) => {
        expect(leaderOf(members.map((each): Member => ({ ...each, state: "dead" })))).toBeUndefined();
      }),
    );
  });

  test("leaderOf() is the oldest, then the least id, in whatever order they come", () => {
    fc.assert(
      fc.property(fc.array(member), fc.nat(), (members, turn) => {
        const at = members.length === 0 ? 0 : turn % members.length;
        const turned = [...members.slice(at), ...members.slice(0, at)];
        const up = members.filter(({ state }) => state === "alive" || state === "suspect");
        const [dumb] = up.map(({ bornMs, id }) => `${bornMs} ${id}`).sort();
        const leader = leaderOf(turned);
        expect(leader && `${leader.bornMs} ${leader.id}`).toBe(dumb);
      }),
    );
  });
});

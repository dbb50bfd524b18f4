import { describe, expect, test } from "bun:test";
import { Outlook } from "../../../../src/cluster/membership/outlook.ts";
import type { Standing } from "../../../../src/protocol/partition/index.ts";
import type { Member, MemberState } from "../../../../src/protocol/swim/index.ts";

const WHOLE: Standing = { status: "up", isSettled: true, isVoter: true, isWhole: true };
const FRESH_MS = 1_000;

function member(id: string, state: MemberState = "alive"): Member {
  const meta = { name: id, roles: ["r"], capacities: {}, labels: {} };
  return { id, address: { host: "h", port: 1 }, bornMs: 5, meta, incarnation: 0, state };
}

function states(outlook: Outlook, members: readonly Member[], givenUp: readonly string[] = []): readonly string[] {
  return outlook.view(members, givenUp, 0).map(({ id, state }) => `${id} ${state}`);
}

describe("Outlook", () => {
  test("view() has the alive and the suspect as up, the dead as unreachable, and not those who left", () => {
    const members = [member("a"), member("b", "suspect"), member("c", "dead"), member("d", "left")];
    expect(states(new Outlook(FRESH_MS), members)).toEqual(["a up", "b up", "c unreachable"]);
  });

  test("view() keeps one that failed and is forgotten, until it is given up, has left or is back", () => {
    const outlook = new Outlook(FRESH_MS);
    const dead = ["b", "c", "d"].map((id) => member(id, "dead"));
    states(outlook, [member("a"), ...dead]);
    const lost = ["a up", "b unreachable", "c unreachable", "d unreachable"];
    expect(states(outlook, [member("a")])).toEqual(lost);
    expect(states(outlook, [member("a")])).toEqual(lost);
    expect(states(outlook, [member("a")], ["b"])).toEqual(["a up", "c unreachable", "d unreachable"]);
    expect(states(outlook, [member("a"), member("c", "left")])).toEqual(["a up", "d unreachable"]);
    expect(states(outlook, [member("a"), member("d")])).toEqual(["a up", "d up"]);
    expect(states(outlook, [member("a")])).toEqual(["a up"]);
  });

  test("view() passes on standings while they are fresh; older ones neither vouch nor raise doubts", () => {
    const outlook = new Outlook(FRESH_MS);
    const losing: Standing = { status: "down", isSettled: true, isVoter: false, isWhole: false };
    outlook.hear("a", WHOLE, 0);
    outlook.hear("b", losing, 0);
    const standings = (nowMs: number) =>
      outlook
        .view(
          ["a", "b", "c"].map((id) => member(id)),
          [],
          nowMs,
        )
        .map((each) => each.standing);
    const unheard: Standing = { status: "up", isSettled: false, isVoter: false, isWhole: true };
    expect(standings(FRESH_MS)).toEqual([WHOLE, losing, unheard]);
    const old = { ...losing, isWhole: true };
    expect(standings(FRESH_MS + 1)).toEqual([{ ...WHOLE, isVoter: false }, old, unheard]);
  });

  test("hear() says whether it is news, and forgets it with the member's death", () => {
    const outlook = new Outlook(FRESH_MS);
    expect(outlook.hear("a", WHOLE, 0)).toBeTrue();
    expect(outlook.hear("a", { ...WHOLE }, 1)).toBeFalse();
    expect(outlook.hear("a", { ...WHOLE, isWhole: false }, 2)).toBeTrue();
    states(outlook, [member("a", "dead")]);
    expect(outlook.standingOf("a")).toBeUndefined();
    outlook.hear("stranger", WHOLE, 3);
    states(outlook, [member("a")]);
    expect(outlook.standingOf("stranger")).toBeUndefined();
  });
});

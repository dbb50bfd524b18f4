import { describe, expect, test } from "bun:test";
import { Outlook } from "../../../../src/cluster/membership/outlook.ts";
import type { Standing } from "../../../../src/protocol/partition/index.ts";
import type { Member, MemberState } from "../../../../src/protocol/swim/index.ts";

const WHOLE: Standing = { status: "up", isSettled: true, isVoter: true, isWhole: true };
const FRESH_MS = 1_000;
const SILENT_MS = 4_000;
const SLOW_MS = 18_000;
const PROBE_INTERVAL_MS = 1_000;

function member(id: string, state: MemberState = "alive"): Member {
  const meta = { name: id, roles: ["r"], capacities: {}, labels: {} };
  return { id, address: { host: "h", port: 1 }, bornMs: 5, meta, incarnation: 0, state };
}

function newOutlook(): Outlook {
  return new Outlook("self", {
    freshMs: FRESH_MS,
    silentMs: SILENT_MS,
    slowMs: SLOW_MS,
    probeIntervalMs: PROBE_INTERVAL_MS,
  });
}

function states(outlook: Outlook, members: readonly Member[], givenUp: readonly string[] = []): readonly string[] {
  return outlook.view(members, givenUp, 0).map(({ id, state }) => `${id} ${state}`);
}

describe("Outlook", () => {
  test("view() has the alive and the suspect as up, the dead as unreachable, and not those who left", () => {
    const members = [member("a"), member("b", "suspect"), member("c", "dead"), member("d", "left")];
    expect(states(newOutlook(), members)).toEqual(["a up", "b up", "c unreachable"]);
  });

  test("view() keeps one that failed and is forgotten, until it is given up, has left or is back", () => {
    const outlook = newOutlook();
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
    const outlook = newOutlook();
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
    const outlook = newOutlook();
    expect(outlook.hear("a", WHOLE, 0)).toBeTrue();
    expect(outlook.hear("a", { ...WHOLE }, 1)).toBeFalse();
    expect(outlook.hear("a", { ...WHOLE, isWhole: false }, 2)).toBeTrue();
    states(outlook, [member("a", "dead")]);
    expect(outlook.standingOf("a")).toBeUndefined();
    outlook.hear("stranger", WHOLE, 3);
    states(outlook, [member("a")]);
    expect(outlook.standingOf("stranger")).toBeUndefined();
  });

  /** Who is reachable; `suspect` and `dead` are what the protocol says. */
  function up(outlook: Outlook, nowMs: number, suspect: readonly string[] = [], dead: readonly string[] = []) {
    const stateOf = (id: string) => (suspect.includes(id) ? "suspect" : dead.includes(id) ? "dead" : "alive");
    const members = ["self", "a", "b", "c"].map((id) => member(id, stateOf(id)));
    const view = outlook.view(members, [], nowMs);
    return view.flatMap(({ id, state }) => (state === "up" ? [id] : [])).join(" ");
  }

  test("view() holds all others for unreachable when nothing was heard from anybody for silentMs, until one is heard", () => {
    const outlook = newOutlook();
    expect(up(outlook, 1)).toBe("self a b c");
    for (const id of ["a", "b"]) outlook.hear(id, WHOLE, 100);
    expect(outlook.beat("c", 200)).toBeFalse();
    expect(up(outlook, 300)).toBe("self a b c");
    expect(outlook.lookAgainMs(300)).toBe(200 + SILENT_MS);
    expect(up(outlook, 199 + SILENT_MS)).toBe("self a b c");
    expect(up(outlook, 200 + SILENT_MS)).toBe("self");
    expect(outlook.lookAgainMs(200 + SILENT_MS)).toBe(Number.POSITIVE_INFINITY);
    expect(outlook.beat("c", 5_000)).toBeTrue();
    expect(up(outlook, 5_001)).toBe("self a b c");
    expect(outlook.hear("c", WHOLE, 5_002)).toBeTrue();
    expect(outlook.hear("c", WHOLE, 5_003)).toBeFalse();
  });

  test("view() holds a suspect for unreachable that was not heard from for silentMs, and nobody else", () => {
    const outlook = newOutlook();
    for (const id of ["a", "b", "c"]) outlook.hear(id, WHOLE, 0);
    expect(up(outlook, 1_000, ["a"])).toBe("self a b c");
    expect(outlook.lookAgainMs(1_000)).toBe(1_000 + SILENT_MS / 8);
    for (const id of ["b", "c"]) outlook.hear(id, WHOLE, 4_999);
    expect(up(outlook, 999 + SILENT_MS, ["a"])).toBe("self a b c");
    expect(up(outlook, 1_000 + SILENT_MS, ["a"])).toBe("self b c");
    expect(outlook.hear("a", WHOLE, 5_100)).toBeTrue();
    expect(up(outlook, 5_200, ["a"])).toBe("self a b c");
    expect(up(outlook, 5_300)).toBe("self a b c");
  });

  test("view() holds those for unreachable that are not heard from in two rounds of probes once another is in doubt", () => {
    const outlook = newOutlook();
    for (const id of ["a", "b", "c"]) outlook.hear(id, WHOLE, 1_000);
    expect(up(outlook, 2_000, ["a"])).toBe("self a b c");
    outlook.hear("c", WHOLE, 2_500);
    const roundsMs = 2 * 4 * PROBE_INTERVAL_MS;
    outlook.hear("c", WHOLE, 8_000);
    expect(up(outlook, 999 + roundsMs, ["a"])).toBe("self b c");
    expect(up(outlook, 1_000 + roundsMs, ["a"])).toBe("self c");
    expect(up(outlook, 2_500 + 2 * roundsMs, ["a"])).toBe("self c"); // slow, and heard from since the doubt began
    expect(up(outlook, 8_000 + SLOW_MS, ["a"])).toBe("self");
  });
});

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  Partition,
  type PartitionEffect,
  type PartitionRules,
  type Strategy,
  type ViewMember,
  validatePartition,
} from "../../../../src/protocol/partition/index.ts";
import { World } from "./world.ts";

const TABLE = join(import.meta.dir, "testdata", "decisions.txt");
const STABLE_MS = 1_000;

function replay(text: string): string {
  let strategy: Strategy = { kind: "off" };
  const written: string[] = [];
  for (const line of text.split("\n").filter((each) => !each.startsWith("  "))) {
    written.push(line);
    if (line.startsWith("strategy ")) strategy = JSON.parse(line.slice("strategy ".length)) as Strategy;
    else if (line !== "" && !line.startsWith("#")) written.push(...decide(strategy, line).map((each) => `  ${each}`));
  }
  return written.join("\n");
}

function decide(strategy: Strategy, split: string): readonly string[] {
  const sides = split.split("|").map((side) => side.trim().split(" "));
  const all = sides.flat().sort();
  const machines = new Map<string, Partition>();
  const memberOf = (word: string, state: ViewMember["state"]): ViewMember => {
    const roles = word.endsWith("*") ? ["core"] : [];
    return { id: word[0]!, bornMs: word.charCodeAt(0), roles, state };
  };
  for (const word of all) {
    const machine = new Partition(memberOf(word, "up"), { strategy, stableAfterMs: STABLE_MS });
    machine.step({ type: "view", members: all.map((each) => memberOf(each, "up")) }, 0);
    machine.step({ type: "tick" }, 2 * STABLE_MS); // without standings it lets the others decide first
    machines.set(word, machine);
  }
  return sides.map((side) => {
    const told = new Set(
      side.map((word) => {
        const members = all.map((each) => memberOf(each, side.includes(each) ? "up" : "unreachable"));
        machines.get(word)!.step({ type: "view", members }, 2 * STABLE_MS);
        const effects = machines.get(word)!.step({ type: "tick" }, 3 * STABLE_MS);
        return effects.map(({ down, reason, self }: PartitionEffect) => `${self} −[${down}] ${reason}`).join("; ");
      }),
    );
    return `${side.map((word) => word[0]).join("")}: ${[...told].join(" / ")}`;
  });
}

describe("Partition decisions", () => {
  test("step() decides as the table says, in the same way on every member of a side", () => {
    const golden = readFileSync(TABLE, "utf8");
    const replayed = replay(golden);
    if (process.env.UPDATE_TRANSCRIPTS === "1") writeFileSync(TABLE, replayed);
    else expect(replayed).toBe(golden);
  });
});

/** One loses sight of the others of a split one after the other, as failure detectors do; returns what it decided last. */
function loseOneByOne(self: string, lost: readonly string[], rules: Partial<PartitionRules>): "up" | "down" {
  const ids = ["a", "b", "c", "d", "e"];
  const member = (id: string, state: ViewMember["state"]): ViewMember => ({ id, bornMs: 1, roles: [], state });
  const options = { strategy: { kind: "keep-majority" }, stableAfterMs: STABLE_MS } as const;
  const machine = new Partition(member(self, "up"), options, rules);
  machine.step({ type: "view", members: ids.map((id) => member(id, "up")) }, 0);
  let nowMs = 2 * STABLE_MS;
  machine.step({ type: "tick" }, nowMs);
  for (let count = 1; count <= lost.length; count++) {
    nowMs += STABLE_MS / 2;
    const gone = lost.slice(0, count);
    machine.step(
      { type: "view", members: ids.map((id) => member(id, gone.includes(id) ? "unreachable" : "up")) },
      nowMs,
    );
    machine.step({ type: "tick" }, nowMs);
  }
  machine.step({ type: "tick" }, nowMs + STABLE_MS);
  return machine.status;
}

describe("Partition stable-after", () => {
  test("step() waits until the view stands still, so that one who loses the others one by one loses them as one", () => {
    expect(loseOneByOne("a", ["c", "d", "e"], {})).toBe("down");
    expect(loseOneByOne("c", ["a", "b"], {})).toBe("up");
  });

  test("both sides go on when the planted bug decides at once", () => {
    const rules = { stableMs: () => 0 };
    expect(loseOneByOne("a", ["c", "d", "e"], rules)).toBe("up");
    expect(loseOneByOne("c", ["a", "b"], rules)).toBe("up");
  });

  test("nextDeadlineMs starts anew with each change of the view, and with nothing else", () => {
    const standing = { status: "up", isSettled: false, isVoter: false, isWhole: true } as const;
    const member = (id: string, state: ViewMember["state"] = "up"): ViewMember => ({
      id,
      bornMs: 1,
      roles: [],
      state,
      standing,
    });
    const options = { strategy: { kind: "keep-majority" }, stableAfterMs: STABLE_MS } as const;
    const machine = new Partition(member("a"), options);
    expect(machine.nextDeadlineMs).toBeUndefined();
    machine.step({ type: "view", members: [member("a"), member("b")] }, 10);
    expect(machine.nextDeadlineMs).toBe(1_010);
    machine.step({ type: "view", members: [member("b"), member("a")] }, 20);
    expect(machine.nextDeadlineMs).toBe(1_010);
    machine.step({ type: "view", members: [member("a"), member("b", "unreachable")] }, 30);
    expect(machine.nextDeadlineMs).toBe(1_030);
    expect(machine.step({ type: "tick" }, 1_029)).toEqual([]);
    expect(machine.step({ type: "tick" }, 1_030)).toHaveLength(1);
    expect(machine.nextDeadlineMs).toBeUndefined();
  });
});

describe("Partition evidence", () => {
  /** Cut off from b, c, d and e at 10 s, of whom it has found only b to be gone; `heard`: from whom it has heard since. */
  function cutOff(rules: Partial<PartitionRules>, heard: readonly string[]) {
    const view = (missing: readonly string[], heardMs: (id: string) => number) =>
      ["a", "b", "c", "d", "e"].map((id): ViewMember => {
        const state = missing.includes(id) ? "unreachable" : "up";
        return { id, bornMs: 1, roles: [], state, heardMs: heardMs(id) };
      });
    const options = { strategy: { kind: "keep-majority" }, stableAfterMs: STABLE_MS } as const;
    const machine = new Partition({ id: "a", bornMs: 1, roles: [] }, options, rules);
    machine.step({ type: "view", members: view([], () => 1) }, 0);
    machine.step({ type: "tick" }, 2 * STABLE_MS);
    machine.step({ type: "view", members: view(["b"], () => 9_900) }, 10_000);
    const members = view(["b"], (id) => (heard.includes(id) ? 10_500 : 9_900));
    return { machine, decided: machine.step({ type: "view", members }, 10_000 + STABLE_MS) };
  }

  test("step() gives nobody up as long as it has not heard from enough of those that it counts on", () => {
    const { decided, machine } = cutOff({}, ["c"]);
    expect(decided).toEqual([]);
    expect(machine.status).toBe("up");
    expect(machine.nextDeadlineMs).toBe(10_000 + 6 * STABLE_MS);
    expect(machine.step({ type: "tick" }, 10_000 + 5 * STABLE_MS)).toEqual([]);
    const reason = "keep-majority: 2 of 5 members reachable (2 silent ones left out)";
    const late = machine.step({ type: "tick" }, 10_000 + 6 * STABLE_MS);
    expect(late).toEqual([{ type: "decision", self: "down", down: [], reason }]);
  });

  test("step() gives up whom it misses when those that it has heard from would do", () => {
    expect(cutOff({}, ["c", "d"]).decided).toMatchObject([{ self: "up", down: ["b"] }]);
  });

  test("one that is cut off goes on without the others, one by one, when the planted bug believes in all it has not lost yet", () => {
    expect(cutOff({ wantsEvidence: false }, []).decided).toMatchObject([{ self: "up", down: ["b"] }]);
  });
});

describe("Partition margin", () => {
  const MARGIN_MS = 2_500;
  const ids = ["a", "b", "c"];
  const view = (missing: readonly string[]) => ({
    type: "view" as const,
    members: ids.map((id): ViewMember => {
      const state = missing.includes(id) ? "unreachable" : "up";
      return { id, bornMs: id.charCodeAt(0), roles: [], state };
    }),
  });

  /** One that is settled, and loses `lost` at 10 s. */
  function losing(self: string, lost: readonly string[], strategy: Strategy = { kind: "keep-majority" }): Partition {
    const options = { strategy, stableAfterMs: STABLE_MS, marginMs: MARGIN_MS };
    const machine = new Partition({ id: self, bornMs: self.charCodeAt(0), roles: [] }, options);
    machine.step(view([]), 0);
    machine.step({ type: "tick" }, 2 * STABLE_MS);
    expect(machine.step(view(lost), 10_000)).toEqual([]);
    return machine;
  }

  const toldMs = 10_000 + STABLE_MS + MARGIN_MS;

  test("step() goes down after the wait, and gives others up only when the margin is over too", () => {
    const down = losing("a", ["b", "c"]).step({ type: "tick" }, 10_000 + STABLE_MS);
    expect(down).toMatchObject([{ self: "down", down: [] }]);
    const winner = losing("b", ["a"]);
    expect(winner.step({ type: "tick" }, 10_000 + STABLE_MS)).toEqual([]);
    expect(winner.state).toMatchObject({ downed: [], missing: ["a"], self: { isWhole: false, isVoter: true } });
    expect(winner.nextDeadlineMs).toBe(toldMs);
    expect(winner.step(view(["a"]), toldMs - 1)).toEqual([]);
    const reason = "keep-majority: 2 of 3 members reachable";
    expect(winner.step({ type: "tick" }, toldMs)).toEqual([{ type: "decision", self: "up", down: ["a"], reason }]);
    expect(winner.state).toMatchObject({ downed: ["a"], missing: [], self: { isWhole: true } });
    expect(winner.nextDeadlineMs).toBeUndefined();
  });

  test("step() gives nobody up who is back within the margin, or leaves", () => {
    for (const gone of [view([]), { ...view([]), members: view([]).members.filter(({ id }) => id !== "a") }]) {
      const winner = losing("b", ["a"]);
      winner.step({ type: "tick" }, 10_000 + STABLE_MS);
      expect(winner.step(gone, toldMs - 1)).toEqual([]);
      expect(winner.step({ type: "tick" }, toldMs + 10 * STABLE_MS)).toEqual([]);
      expect(winner.state).toMatchObject({ downed: [], missing: [], self: { status: "up" } });
    }
  });

  test("step() starts the margin anew when the view changes, and gives nobody up when it goes down meanwhile", () => {
    const again = toldMs - 1;
    const lowest = losing("b", ["a"]);
    lowest.step({ type: "tick" }, 10_000 + STABLE_MS);
    expect(lowest.step(view(["a", "c"]), again)).toEqual([]);
    expect(lowest.step({ type: "tick" }, toldMs)).toEqual([]);
    // Of b and c, who have agreed to go on without a, the half with the lower id goes on: that is b.
    expect(lowest.step({ type: "tick" }, again + STABLE_MS)).toEqual([]);
    const told = lowest.step({ type: "tick" }, again + STABLE_MS + MARGIN_MS);
    expect(told).toMatchObject([{ self: "up", down: ["a", "c"] }]);
    const other = losing("c", ["a"]);
    other.step({ type: "tick" }, 10_000 + STABLE_MS);
    other.step(view(["a", "b"]), again);
    expect(other.step({ type: "tick" }, again + STABLE_MS)).toMatchObject([{ self: "down", down: [] }]);
    expect(other.nextDeadlineMs).toBeUndefined();
    expect(other.step({ type: "tick" }, again + STABLE_MS + MARGIN_MS)).toEqual([]);
    expect(other.state.downed).toEqual([]);
  });

  test("step() knows no margin with the strategy off, which protects from nothing", () => {
    const decided = losing("b", ["a"], { kind: "off" }).step({ type: "tick" }, 10_000 + STABLE_MS);
    expect(decided).toMatchObject([{ self: "up", down: ["a"] }]);
  });
});

/** Splits by sides of a, b, c …; `short` ones end before anybody decides. */
interface History {
  readonly strategy: Strategy;
  readonly nodes: number;
  readonly splits: readonly (readonly [sides: string, kind: "short" | "long"])[];
  readonly bug: Partial<PartitionRules>;
}

/** Once found by chance, each with the rule that keeps it from ending with two sides up. */
const HISTORIES: Readonly<Record<string, History>> = {
  "one moves from the losing side to a member that has given it up, before it came to decide anything": {
    strategy: { kind: "keep-majority", role: "core" },
    nodes: 5,
    splits: [
      ["00111", "short"],
      ["10222", "short"],
      ["10001", "long"],
    ],
    bug: { noticesOutvoting: false },
  },
  "one of those that went on joins those that did not, and together they are as many": {
    strategy: { kind: "keep-majority" },
    nodes: 5,
    splits: [
      ["00011", "long"],
      ["00111", "long"],
    ],
    bug: { waitsForHealing: false },
  },
  "halves are halved across": {
    strategy: { kind: "keep-majority" },
    nodes: 4,
    splits: [
      ["0110", "long"],
      ["0101", "long"],
    ],
    bug: { asksOldAndNew: false, waitsForHealing: false },
  },
};

function sidesUpAfter({ nodes, splits, strategy }: History, rules: Partial<PartitionRules>): readonly number[] {
  const world = new World({ options: { strategy, stableAfterMs: STABLE_MS }, rules, tellsStandings: false });
  for (let index = 0; index < nodes; index++) {
    world.start(String.fromCharCode(97 + index), 0, index % 2 === 0 ? ["core"] : []);
    world.pass(1);
  }
  world.settle();
  for (const [sides, kind] of splits) {
    world.part((_, index) => Number(sides[index]));
    if (kind === "short") world.pass(STABLE_MS / 2);
    else world.settle();
  }
  return world.sidesUp;
}

describe("Partition histories", () => {
  for (const [name, history] of Object.entries(HISTORIES)) {
    test(`step() leaves one side up at most when ${name}`, () => {
      expect(sidesUpAfter(history, {}).length).toBeLessThanOrEqual(1);
      expect(sidesUpAfter(history, history.bug).length).toBe(2);
    });
  }
});

describe("validatePartition()", () => {
  test("validatePartition() names every fault with its place and what is required", () => {
    const wrongs = { strategy: { kind: "static-quorum", size: 0, role: "" }, stableAfterMs: -1, marginMs: -2 };
    expect(validatePartition(wrongs)).toEqual([
      { path: "stableAfterMs", message: "-1, milliseconds from above 0 to 3600000 are required" },
      { path: "marginMs", message: "-2, milliseconds from 0 to 3600000 are required" },
      { path: "strategy.size", message: "0, a whole number from 1 is required" },
      { path: "strategy.role", message: '"", the name of a role is required' },
    ]);
    expect(validatePartition({ strategy: { kind: "majority" }, stableAfterMs: 1 })).toEqual([
      {
        path: "strategy.kind",
        message: '"majority", one of keep-majority, static-quorum, keep-oldest, down-all, off is required',
      },
    ]);
    expect(validatePartition({ strategy: { kind: "keep-oldest" }, stableAfterMs: 1 })).toHaveLength(1);
    expect(validatePartition(undefined)).toHaveLength(1);
    const right = { strategy: { kind: "keep-oldest", downIfAlone: true }, stableAfterMs: 1 } as const;
    expect(validatePartition(right)).toEqual([]);
    const wrong = { ...right, stableAfterMs: Number.NaN };
    expect(() => new Partition({ id: "a", bornMs: 1, roles: [] }, wrong)).toThrow(
      "cannot resolve partitions: stableAfterMs: NaN",
    );
  });
});

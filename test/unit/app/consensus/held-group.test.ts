import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GroupKept, MASTERS_MAP } from "../../../../src/app/consensus/group-kept.ts";
import { HeldGroup } from "../../../../src/app/consensus/held-group.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { KEPT_VALUE_BYTES_MAX } from "../../../../src/base/kept-state.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { GroupHost } from "../../../../src/cluster/consensus/group/index.ts";
import { raftOptions } from "../../../../src/protocol/raft/index.ts";
import { until } from "../../../support/until.ts";
import { Workspace } from "../../../support/workspace.ts";

const told: string[] = [];
const logger = {
  debug: () => {},
  info: () => {},
  warn: (text: string) => void told.push(text),
  error: (text: string) => void told.push(text),
} as never; // what a group says

/** A group of one, or one that waits. */
function held(directory: string, voters: readonly string[] | "nobody" = ["a"]): HeldGroup {
  const host = new GroupHost({
    self: "a",
    link: () => undefined,
    pause: () => Promise.resolve(),
    joined: () => {},
    foreign: () => {},
  });
  const options = {
    name: "main",
    directory,
    self: "a",
    durability: "fsync",
    voters: async () => (voters === "nobody" ? undefined : voters),
  } as const;
  return new HeldGroup(
    { ...options, raft: raftOptions({ electionMinMs: 20, electionMaxMs: 40, heartbeatMs: 5 }) },
    { host, clock: systemClock, random: seededRandom(7), logger, defer: setImmediate },
  );
}

async function leading(directory: string): Promise<{ readonly group: HeldGroup; readonly kept: GroupKept }> {
  const group = held(directory);
  await group.open();
  await until("it leads", () => group.leadership.isLeading);
  return { group, kept: new GroupKept(group, group.leadership.term, systemClock) };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("HeldGroup", () => {
  test("a group of one leads, and has what was written when it is opened again", async () => {
    using space = new Workspace();
    const first = await leading(space.at("main"));
    await first.kept.write([
      { key: "a/1", value: bytes("one") },
      { key: "a/2", value: bytes("two") },
      { key: "b", value: bytes("other") },
    ]);
    await first.kept.write([{ key: "a/1", delete: true }]);
    await first.group.close();
    const second = await leading(space.at("main"));
    expect(second.kept.get("a/1")).toBeUndefined();
    expect(second.kept.list("a/")).toEqual([{ key: "a/2", value: bytes("two") }]);
    expect(second.group.leadership.term).toBeGreaterThan(1);
    await second.group.close();
  });

  test("two processes cannot have one directory", async () => {
    using space = new Workspace();
    const { group } = await leading(space.at("main"));
    expect(held(space.at("main")).open()).rejects.toMatchObject({ code: "raft.log.in_use" });
    await group.close();
  });

  test("a group does not begin where this node is not among the voters", async () => {
    using space = new Workspace();
    expect(held(space.at("main"), ["b", "c"]).open()).rejects.toThrow("this node, a, is not among them");
  });

  test("a node that waits to be added opens without a beginning, and leads nothing", async () => {
    using space = new Workspace();
    const group = held(space.at("main"), "nobody");
    await group.open();
    expect(group.leadership).toMatchObject({ isLeading: false, leader: undefined });
    expect(group.life.group.configuration.voters).toEqual([]);
    await group.close();
  });

  test("a node that has lost its whole log takes no part: it does not know whom it has voted for", async () => {
    using space = new Workspace();
    const { group } = await leading(space.at("main"));
    await group.close();
    for (const name of readdirSync(space.at("main"))) {
      if (name !== "group.json") rmSync(join(space.at("main"), name), { recursive: true });
    }
    expect(held(space.at("main")).open()).rejects.toMatchObject({ code: "consensus.hard_state_lost" });
  });

  test("a flipped bit in a group of one is found: it does not lead with what is left", async () => {
    using space = new Workspace();
    const { group, kept } = await leading(space.at("main"));
    for (let at = 0; at < 20; at++) await kept.write([{ key: `k${at}`, value: bytes("x".repeat(500)) }]);
    await group.close();
    const file = readdirSync(space.at("main"), { recursive: true, encoding: "utf8" })
      .map((name) => space.at("main", name))
      .find((path) => /segment|\.log$|\d{6}/.test(path))!;
    const content = readFileSync(file);
    const place = content.indexOf("x".repeat(400));
    content[place + 100]! ^= 1;
    writeFileSync(file, content);
    const again = held(space.at("main"));
    await again.open();
    expect(again.life.group.status().damage).toBe("hopeless");
    expect(told.some((text) => text.includes("log of group main"))).toBe(true);
    expect(told.some((text) => text.includes("put a copy of"))).toBe(true);
    await again.close();
  });
});

describe("GroupKept", () => {
  test("write() fails with master.deposed in another term, and nothing is written", async () => {
    using space = new Workspace();
    const { group, kept } = await leading(space.at("main"));
    const old = new GroupKept(group, group.leadership.term - 1, systemClock);
    expect(old.write([{ key: "k", value: bytes("v") }])).rejects.toMatchObject({ code: "master.deposed" });
    await kept.write([{ key: "l", value: bytes("v") }]);
    expect(kept.get("k")).toBeUndefined();
    await group.close();
  });

  test("write() takes effect in the order of the calls", async () => {
    using space = new Workspace();
    const { group, kept } = await leading(space.at("main"));
    await Promise.all(Array.from({ length: 50 }, (_, at) => kept.write([{ key: "k", value: bytes(`${at}`) }])));
    expect(kept.get("k")).toEqual(bytes("49"));
    expect(group.life.machine.maps.get(MASTERS_MAP, "k")?.version).toBe(50);
    await group.close();
  });

  test("list() gives all entries, also when they take several pages", async () => {
    using space = new Workspace();
    const { group, kept } = await leading(space.at("main"));
    const keys = Array.from({ length: 2_500 }, (_, at) => `p/${String(at).padStart(5, "0")}`);
    for (let from = 0; from < keys.length; from += 500) {
      await kept.write(keys.slice(from, from + 500).map((key) => ({ key, value: bytes(key) })));
    }
    expect(kept.list("p/").map(({ key }) => key)).toEqual(keys);
    await group.close();
  });

  test("write() refuses what is out of bounds", async () => {
    using space = new Workspace();
    const { group, kept } = await leading(space.at("main"));
    const large = new Uint8Array(KEPT_VALUE_BYTES_MAX + 1);
    expect(kept.write([{ key: "k", value: large }])).rejects.toThrow("at most 1048576 are allowed");
    await group.close();
  });
});

describe("the masters' map", () => {
  test("it leaves nothing in the history that people's watches need", async () => {
    using space = new Workspace();
    const { group, kept } = await leading(space.at("main"));
    await kept.write([{ key: "k", value: bytes("v") }]);
    expect(group.life.machine.maps.events({ fromRevision: 1, limit: 10 }).events).toEqual([]);
    await group.close();
  });
});

describe("GroupKept while leadership is handed over", () => {
  test("write() waits, in the order of the calls, and goes on when the other one does not take over", async () => {
    using space = new Workspace();
    const { group, kept } = await leading(space.at("main"));
    const raft = group.life.group;
    const propose = raft.propose.bind(raft);
    let refusals = 5;
    raft.propose = (...asked) =>
      refusals-- > 0 ? Promise.reject(new Failure("consensus.in_progress", "a transfer")) : propose(...asked);
    await Promise.all(["1", "2", "3"].map((text) => kept.write([{ key: "k", value: bytes(text) }])));
    expect(kept.get("k")).toEqual(bytes("3"));
    expect(group.life.machine.maps.get(MASTERS_MAP, "k")?.version).toBe(3);
    await kept.write([{ key: "k", value: bytes("4") }]);
    expect(kept.get("k")).toEqual(bytes("4"));
    await group.close();
  });
});

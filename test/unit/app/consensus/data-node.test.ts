import { describe, expect, test } from "bun:test";
import type { Consensus } from "../../../../src/app/consensus/consensus.ts";
import { DataNode } from "../../../../src/app/consensus/data-node.ts";
import { HeldGroup } from "../../../../src/app/consensus/held-group.ts";
import { pause, systemClock } from "../../../../src/base/clock.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { GroupHost } from "../../../../src/cluster/consensus/group/index.ts";
import { raftOptions } from "../../../../src/protocol/raft/index.ts";
import { Workspace } from "../../../support/workspace.ts";

const silent = () => {};
const logger = { debug: silent, info: silent, warn: silent, error: silent } as never; // nobody listens

/** A node whose group nobody has added it to. */
function standby(directory: string): { readonly node: DataNode; readonly held: HeldGroup } {
  const host = new GroupHost({
    self: "a",
    link: () => undefined,
    pause: (ms, signal) => pause(systemClock, ms, signal),
    joined: () => {},
    foreign: () => {},
  });
  const where = { name: "main", directory, self: "a", durability: "fsync" } as const;
  const held = new HeldGroup(
    { ...where, raft: raftOptions(), voters: async () => undefined },
    { host, clock: systemClock, random: seededRandom(7), logger, defer: setImmediate },
  );
  const consensus = { host, names: ["main"], held: () => held, addressOf: () => undefined };
  return { held, node: new DataNode(consensus as unknown as Consensus, { clock: systemClock, self: "a" }) }; // what it asks of it
}

describe("DataNode", () => {
  test("a node that is no member says so at once, and still reads what it has", async () => {
    using space = new Workspace();
    const { held, node } = standby(space.at("main"));
    await held.open();
    const options = { signal: new AbortController().signal, timeoutMs: 300 };
    const put = { command: { type: "map.put", map: "m", key: "k", value: "v" } } as const;
    const refused = {
      code: "consensus.not_member",
      message: expect.stringContaining("a is no member of the group main"),
    };
    await expect(node.propose("main", put, options)).rejects.toMatchObject(refused);
    await expect(node.read("main", "linearizable", () => 1, options)).rejects.toMatchObject(refused);
    await expect(node.reconfigure("main", { type: "remove", node: "b" }, options)).rejects.toMatchObject(refused);
    expect(await node.read("main", "stale", ({ maps }) => maps.revision, options)).toBe(0);
    await held.close();
  });
});

import { describe, expect, test } from "bun:test";
import { type ClusterSource, clusterContract, clusterService } from "../../../../src/cluster/status/index.ts";
import { createClient, Dispatcher } from "../../../../src/wire/rpc/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { type Host, Hub } from "../membership/hub.ts";

function clientOf(source: ClusterSource, access: "read" | "operate" = "operate", leave?: () => Promise<void>) {
  const clock = new SteppedClock();
  const dispatcher = new Dispatcher([clusterService(source, leave)], { clock });
  return createClient(clusterContract, (call) => dispatcher.call({ ...call, caller: { name: "test", access } }), {
    clock,
  });
}

async function startThree(): Promise<{ hub: Hub; hosts: readonly Host[] }> {
  const hub = new Hub();
  const hosts: Host[] = [];
  for (const [index, id] of ["alpha", "beta", "gamma"].entries()) {
    const meta = {
      name: index === 0 ? "first" : "worker",
      roles: ["r"],
      capacities: { cpu: 2 },
      labels: { zone: "a" },
    };
    hosts.push(hub.start(id, 7_000 + index, { meta }));
    await hosts[index]!.membership.join(["10.0.0.1:7000"]);
    await hub.run(1_000);
  }
  await hub.run(30_000);
  return { hub, hosts };
}

describe("clusterService()", () => {
  test("nodes() lists all that are known, oldest first, with the leader and the one who answers", async () => {
    const { hosts } = await startThree();
    const { nodes, self } = await clientOf(hosts[1]!.membership).nodes({});
    expect(self).toBe("beta");
    expect(nodes.map(({ id, isLeader, isSelf, state }) => ({ id, isLeader, isSelf, state }))).toEqual([
      { id: "alpha", isLeader: true, isSelf: false, state: "alive" },
      { id: "beta", isLeader: false, isSelf: true, state: "alive" },
      { id: "gamma", isLeader: false, isSelf: false, state: "alive" },
    ]);
    expect(nodes[0]).toMatchObject({
      address: "10.0.0.1:7000",
      name: "first",
      roles: ["r"],
      capacities: { cpu: 2 },
      labels: { zone: "a" },
    });
  });

  test("status() tells the side, the leader and what has come and gone", async () => {
    const { hub, hosts } = await startThree();
    hub.kill("gamma");
    await hub.run(40_000);
    const status = await clientOf(hosts[0]!.membership).status({});
    expect(status).toMatchObject({
      self: { id: "alpha", name: "first", address: "10.0.0.1:7000" },
      side: "up",
      leader: "alpha",
      members: { alive: 2, suspect: 0, dead: 1, left: 0 },
      partition: { strategy: "keep-majority", missing: [], givenUp: ["gamma"] },
      healthScore: 0,
    });
    expect(status.traffic.datagramsIn).toBeGreaterThan(100);
    expect(status.traffic.suspicions).toBe(1);
  });

  test("explain() says in words why a node is dead, by id, address or name", async () => {
    const { hub, hosts } = await startThree();
    hub.kill("gamma");
    await hub.run(40_000);
    const client = clientOf(hosts[0]!.membership);
    const byId = await client.explain({ node: "gamma" });
    expect(byId.node).toMatchObject({ id: "gamma", state: "dead" });
    expect(byId.failedProbes + byId.stateForMs).toBeGreaterThan(0);
    expect(byId.partition).toMatchObject({ isGivenUp: true, isMissing: false, ownSide: "up" });
    expect(byId.words[0]).toMatch(/^gamma is dead for \d+(\.\d)? s/);
    expect(byId.words).toContain("given up: this side goes on without it");
    expect((await client.explain({ node: "10.0.0.1:7002" })).node.id).toBe("gamma");
    expect((await client.explain({ node: "worker" })).node.id).toBe("beta"); // of two, the one that is there
    const self = await client.explain({ node: "first" });
    expect(self.words[0]).toBe("alpha is the node that answers; it is well");
  });

  test("explain() tells of a suspicion while it lasts: who says so, and how long it has left", async () => {
    const { hub, hosts } = await startThree();
    hub.kill("gamma");
    const client = clientOf(hosts[0]!.membership);
    const isSuspect = () => hosts[0]!.membership.members().some(({ state }) => state === "suspect");
    await hub.until("somebody is suspect", isSuspect);
    const told = await client.explain({ node: "gamma" });
    expect(told.node.state).toBe("suspect");
    expect(told.confirmations.length).toBeGreaterThan(0);
    expect(told.deadInMs).toBeGreaterThan(0);
    expect(told.words.join("\n")).toMatch(/suspected by (alpha|beta) .*\nit is declared dead in .* unless it refutes/);
  });

  test("explain() refuses whom nobody knows with the nearest name, and a name that two go by with their ids", async () => {
    const { hosts } = await startThree();
    const client = clientOf(hosts[0]!.membership);
    await expect(client.explain({ node: "gama" })).rejects.toMatchObject({
      code: "cluster.not_found",
      message: 'cannot explain "gama": no node goes by it; did you mean gamma?',
      data: { near: "gamma" },
    });
    await expect(client.explain({ node: "somebody else" })).rejects.toThrow("one of 3 nodes is required");
    await expect(client.explain({ node: "worker" })).rejects.toMatchObject({
      code: "cluster.ambiguous",
      data: { ids: ["beta", "gamma"] },
    });
  });

  test("leave() is for those who may operate, and answers when it is said", async () => {
    const { hosts } = await startThree();
    let calls = 0;
    const leave = async () => {
      calls++;
    };
    await expect(clientOf(hosts[0]!.membership, "read", leave).leave({})).rejects.toMatchObject({
      code: "rpc.forbidden",
    });
    expect(calls).toBe(0);
    expect(await clientOf(hosts[0]!.membership, "operate", leave).leave({})).toEqual({ left: true });
    expect(calls).toBe(1);
  });

  test("leave() leaves the membership when nothing else is given", async () => {
    const { hub, hosts } = await startThree();
    const answered = clientOf(hosts[2]!.membership).leave({});
    await hub.run(5_000);
    expect(await answered).toEqual({ left: true });
    expect(hosts[0]!.events).toContainEqual(expect.objectContaining({ kind: "leave", reason: "left" }));
  });
});

import { describe, expect, test } from "bun:test";
import type { Clock } from "../../../../src/base/clock.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { Codec } from "../../../../src/cluster/membership/codec.ts";
import {
  DATAGRAM_BYTES_MAX,
  type MembershipEvent,
  type MembershipOptions,
  membershipOptions,
  SEAL_BYTES_MAX,
} from "../../../../src/cluster/membership/index.ts";
import { GossipSeal, Keyring, SEAL_BYTES } from "../../../../src/wire/auth/index.ts";
import { Hub, toySeal } from "./hub.ts";

const NODES = 16;

function ids(count = NODES): readonly string[] {
  return Array.from({ length: count }, (_, index) => `n${String(index).padStart(2, "0")}`);
}

function alive(hub: Hub, id: string): readonly string[] {
  const members = hub.hosts.get(id)!.membership.members();
  return members.flatMap((each) => (each.state === "alive" ? [each.id] : [])).sort();
}

async function startCluster(hub: Hub, count = NODES): Promise<void> {
  for (const [index, id] of ids(count).entries()) {
    const { membership } = hub.start(id, 7_000 + index);
    await membership.join(["10.0.0.1:7000"]);
    await hub.run(10);
  }
  await hub.until("all see all", () => [...hub.hosts.keys()].every((id) => alive(hub, id).length === count));
}

function kinds(events: readonly MembershipEvent[], id: string): readonly string[] {
  return events.flatMap((event) => ("member" in event && event.member.id === id ? [event.kind] : []));
}

describe("Membership", () => {
  test("join() makes one cluster of 16, with datagrams that fit and nothing dropped", async () => {
    const hub = new Hub();
    await startCluster(hub);
    await hub.run(20_000);
    for (const { events, membership } of hub.hosts.values()) {
      const counts = membership.counts();
      expect(membership.status).toBe("up");
      expect(membership.leader()?.id).toBe("n00");
      expect(counts.dropped).toEqual({});
      expect(counts.suspicions).toBe(0);
      expect(events.filter(({ kind }) => kind === "leave" || kind === "suspect")).toEqual([]);
    }
  });

  test("a node that is killed is dead to all others within 5 s, and given up when the view stands still, after the margin", async () => {
    const hub = new Hub();
    await startCluster(hub);
    await hub.run(15_000);
    hub.kill("n03");
    await hub.until(
      "it is dead everywhere",
      () => [...hub.hosts.keys()].every((id) => alive(hub, id).length === 15),
      5_000,
    );
    const { marginMs = 0, stableAfterMs } = membershipOptions("local", NODES).partition;
    const givenUp = () => [...hub.hosts.values()].flatMap(({ membership }) => membership.partition.state.downed);
    await hub.run(stableAfterMs + marginMs - 1_000);
    expect(givenUp()).toEqual([]);
    await hub.run(6_000);
    for (const { events, membership } of hub.hosts.values()) {
      expect(kinds(events, "n03")).toEqual(["join", "suspect", "leave"]);
      expect(membership.status).toBe("up");
      expect(membership.partition.state.downed).toEqual(["n03"]);
    }
  });

  test("both sides of a partition hear of it, one goes on, and all are one cluster again by themselves after it heals", async () => {
    const hub = new Hub();
    await startCluster(hub);
    await hub.run(15_000);
    const minority = new Set(["n00", "n01", "n02", "n03", "n04"]);
    hub.passes = (from, to) => minority.has(from) === minority.has(to);
    const side = (id: string) => hub.hosts.get(id)!.membership.status;
    await hub.until("the smaller side is down", () => [...minority].every((id) => side(id) === "down"), 60_000);
    await hub.run(10_000);
    for (const [id, { events, membership }] of hub.hosts) {
      expect(membership.status).toBe(minority.has(id) ? "down" : "up");
      const decisions = events.filter((event) => event.kind === "down" || event.kind === "up");
      expect(decisions.map(({ kind }) => kind)).toEqual([minority.has(id) ? "down" : "up"]);
      expect(decisions[0]).toMatchObject({ down: minority.has(id) ? [] : [...minority] });
    }
    hub.passes = () => true;
    const isWhole = (id: string) => alive(hub, id).length === NODES && side(id) === "up";
    await hub.until("all are up in one cluster", () => [...hub.hosts.keys()].every(isWhole), 120_000);
    for (const { membership } of hub.hosts.values()) expect(membership.partition.state.downed).toEqual([]);
  });

  test("a node that joins the losing side of a partition is down with it, and up when it heals", async () => {
    const hub = new Hub();
    await startCluster(hub, 5);
    await hub.run(15_000);
    const minority = new Set(["n00", "n01"]);
    hub.passes = (from, to) => minority.has(from) === minority.has(to);
    await hub.run(60_000);
    for (const index of [5, 6, 7, 8]) {
      minority.add(`n0${index}`);
      await hub.start(`n0${index}`, 7_000 + index).membership.join(["10.0.0.1:7000"]);
    }
    await hub.run(60_000);
    const sideOf = (id: string) => hub.hosts.get(id)!.membership.status;
    for (const id of hub.hosts.keys()) expect([id, sideOf(id)]).toEqual([id, minority.has(id) ? "down" : "up"]);
    hub.passes = () => true;
    await hub.until("all are up", () => [...hub.hosts.keys()].every((id) => sideOf(id) === "up"), 120_000);
  });

  test("a node that waits for its seeds is no cluster of its own, however long that takes; one without seeds is", async () => {
    const hub = new Hub();
    const waiting = hub.start("waiting", 7_001).membership;
    await waiting.join(["10.0.0.1:7000", "10.0.0.1:7001"]);
    const first = hub.start("first", 7_002).membership;
    await first.join(["10.0.0.1:7002"]); // its own address
    await hub.run(60_000);
    expect(waiting.partition.state.self).toMatchObject({ status: "up", isSettled: false, isVoter: false });
    expect(first.partition.state.self).toMatchObject({ status: "up", isSettled: true, isVoter: true });
    await hub.start("seed", 7_000).membership.join(["10.0.0.1:7002"]);
    const isSettled = (id: string) => hub.hosts.get(id)!.membership.partition.state.self.isSettled;
    await hub.until("all are settled", () => ["waiting", "first", "seed"].every(isSettled), 120_000);
  });

  test("leave() is heard as such by all, and nobody takes the node for dead", async () => {
    const hub = new Hub();
    await startCluster(hub, 8);
    await hub.run(15_000);
    const left = hub.hosts.get("n05")!.membership.leave(5_000);
    await hub.run(5_000);
    await left;
    hub.kill("n05");
    await hub.run(20_000);
    for (const { events, membership } of hub.hosts.values()) {
      expect(kinds(events, "n05")).toEqual(["join", "leave"]);
      expect(events).toContainEqual(expect.objectContaining({ kind: "leave", reason: "left" }));
      expect(membership.partition.state).toMatchObject({ downed: [], missing: [], self: { status: "up" } });
    }
  });

  test("leave() resolves at its deadline when nobody listens, and at once before the start of anything", async () => {
    const hub = new Hub();
    await startCluster(hub, 2);
    hub.passes = () => false;
    let isDone = false;
    void hub.hosts
      .get("n01")!
      .membership.leave(100)
      .then(() => {
        isDone = true;
      });
    await hub.run(99);
    expect(isDone).toBeFalse();
    await hub.run(1);
    expect(isDone).toBeTrue();
    expect(() => hub.hosts.get("n01")!.membership.answerSync("n00", new Uint8Array())).toThrow("no member now");
  });

  test("a node that is started again under its id is a leave and a join to the others", async () => {
    const hub = new Hub();
    await startCluster(hub, 4);
    hub.kill("n02");
    await hub.start("n02", 7_002).membership.join(["10.0.0.1:7000"]);
    await hub.until("all see all", () => [...hub.hosts.keys()].every((id) => alive(hub, id).length === 4));
    expect(kinds(hub.hosts.get("n00")!.events, "n02")).toEqual(["join", "leave", "join"]);
  });

  test("update() reaches all, and is refused when others would refuse it", async () => {
    const hub = new Hub();
    await startCluster(hub, 4);
    const { membership } = hub.hosts.get("n01")!;
    membership.update({ name: "new", roles: ["core"], capacities: { cpu: 8 }, labels: { zone: "b" } });
    const seen = (id: string) =>
      hub.hosts
        .get(id)!
        .membership.members()
        .find((each) => each.id === "n01")!.meta;
    await hub.until("all have heard", () => [...hub.hosts.keys()].every((id) => seen(id).name === "new"), 5_000);
    expect(seen("n03")).toEqual({ name: "new", roles: ["core"], capacities: { cpu: 8 }, labels: { zone: "b" } });
    const large = {
      name: "",
      roles: [],
      capacities: {},
      labels: Object.fromEntries(ids(9).map((id) => [id, "x".repeat(99)])),
    };
    expect(() => membership.update(large)).toThrow(/take \d+ bytes, at most 640 are allowed/);
    expect(() => membership.update({ ...large, name: "x".repeat(65), labels: {} })).toThrow("name has 65 characters");
  });

  test("a node with another key neither joins nor learns anything, and each refusal is counted", async () => {
    const hub = new Hub();
    await startCluster(hub, 3);
    const stranger = hub.start("stranger", 7_100, { key: 2 });
    await stranger.membership.join(["10.0.0.1:7000", "10.0.0.1:7001"]);
    const { membership } = hub.hosts.get("n00")!;
    hub.datagram(stranger.address, "n00", Buffer.from("2|10.0.0.1:7000|hello"));
    await hub.run(20_000);
    expect(membership.counts().dropped).toEqual({ key: 1 });
    expect(membership.members().map(({ id }) => id)).not.toContain("stranger");
    expect(stranger.membership.members().map(({ id }) => id)).toEqual(["stranger"]);
    expect(stranger.membership.hasJoined).toBeFalse();
    expect(stranger.membership.counts().syncsFailed).toBeGreaterThan(5);
  });

  test("a cluster under real seals drops what is replayed, changed, or sealed by another key", async () => {
    const hub = new Hub();
    const random = seededRandom(5);
    const entropy = (bytes: number) => Uint8Array.from({ length: bytes }, () => random.below(256));
    const keyring = Keyring.generate(entropy);
    const seals: GossipSeal[] = [];
    const seal = (clock: Clock) => {
      seals.push(new GossipSeal({ keyring, clock, entropy }));
      return seals.at(-1)!;
    };
    for (const [index, id] of ids(3).entries()) {
      await hub.start(id, 7_000 + index, { seal }).membership.join(["10.0.0.1:7000"]);
    }
    await hub.until("all see all", () => ids(3).every((id) => alive(hub, id).length === 3));
    await hub.run(10_000);
    const { address, membership, receive } = hub.hosts.get("n00")!;
    expect(membership.counts().dropped).toEqual({});
    const from = hub.hosts.get("n01")!.address;
    const packet = seals[1]!.seal(Uint8Array.of(0x90), address);
    const changed = Uint8Array.from(packet, (byte, index) => (index === packet.length - 1 ? byte ^ 1 : byte));
    for (const bytes of [changed, packet, packet]) receive(from, bytes);
    const foreign = new GossipSeal({
      keyring: Keyring.generate(entropy),
      clock: { now: () => 1_800_000_000_000, monotonic: () => 0 },
      entropy,
    });
    receive(from, foreign.seal(Uint8Array.of(0x90), address));
    expect(membership.counts().dropped).toEqual({ forged: 1, malformed: 1, replayed: 1, key: 1 });
    expect(SEAL_BYTES).toBeLessThanOrEqual(SEAL_BYTES_MAX);
  });

  test("garbage of every kind is counted, dropped, and harms nobody", async () => {
    const hub = new Hub();
    await startCluster(hub, 4);
    const { membership, receive } = hub.hosts.get("n00")!;
    const from = { host: "10.9.9.9", port: 9 };
    const random = seededRandom(7);
    const bytes = (length: number) => Uint8Array.from({ length }, () => random.below(256));
    const seal = toySeal(1);
    for (let round = 0; round < 500; round++) {
      receive(from, bytes(random.below(200)));
      receive(from, seal.seal(bytes(random.below(200)), { host: "10.0.0.1", port: 7_000 }));
      receive(from, bytes(DATAGRAM_BYTES_MAX + 1));
    }
    const { dropped } = membership.counts();
    expect(dropped.key).toBe(500);
    expect(dropped.oversized).toBe(500);
    expect((dropped.malformed ?? 0) + (dropped.version ?? 0)).toBe(500);
    await hub.run(10_000);
    expect(alive(hub, "n00")).toEqual(["n00", "n01", "n02", "n03"]);
    expect(alive(hub, "n03")).toEqual(["n00", "n01", "n02", "n03"]);
  });

  test("answerSync() refuses what is unreadable, a reply, and one who is not who the link says", async () => {
    const hub = new Hub();
    await startCluster(hub, 2);
    const { membership } = hub.hosts.get("n00")!;
    const codec = new Codec();
    const from = { id: "n01", address: { host: "10.0.0.1", port: 7_001 }, bornMs: 1 };
    const message = { type: "sync", seq: 1, from, digest: 0, members: [], isReply: false, isJoin: false } as const;
    const standing = membership.partition.state.self;
    const ask = (fromId: string, isReply: boolean) =>
      membership.answerSync(fromId, codec.encodeSync({ message: { ...message, isReply }, standing }));
    expect(() => membership.answerSync("n01", Uint8Array.of(0xc1))).toThrow("cannot read a push-pull of 1 bytes");
    expect(() => ask("n01", true)).toThrow("it is a reply");
    expect(() => ask("n02", false)).toThrow("it says to be of n01");
    const answer = codec.decode(ask("n01", false));
    expect(answer).toMatchObject({ ok: true, letter: { message: { type: "sync", seq: 1, isReply: true } } });
    expect(membership.counts().dropped).toEqual({ malformed: 2, impostor: 1 });
  });

  test("start() warns of a wait that is too short for the number of nodes, unless both sides go on anyway", () => {
    const hub = new Hub();
    const withWait = (kind: "keep-majority" | "off", stableAfterMs: number) => {
      const options = (preset: MembershipOptions) => ({
        ...preset,
        partition: { ...preset.partition, strategy: { kind }, stableAfterMs },
      });
      return hub.start(`${kind}-${stableAfterMs}`, 7_000 + hub.hosts.size, { options }).warnings;
    };
    expect(withWait("keep-majority", 9_799)).toEqual([
      "decides about partitions after 9799 ms, at least 9800 ms are advised for 16 nodes: both sides of one may go on",
    ]);
    expect(withWait("keep-majority", 9_800)).toEqual([]);
    expect(withWait("off", 1)).toEqual([]);
  });

  test("a node that is cut off from all goes down before the others give it up, though it suspects slowly", async () => {
    const hub = new Hub();
    await startCluster(hub, 5);
    await hub.run(20_000);
    hub.passes = (from, to) => (from === "n02") === (to === "n02");
    const { stableAfterMs } = membershipOptions("local", NODES).partition;
    const { membership } = hub.hosts.get("n02")!;
    await hub.until("it is down", () => membership.status === "down", stableAfterMs + 5_000);
    const others = [...hub.hosts.values()].filter((host) => host.membership !== membership);
    for (const other of others) expect(other.membership.partition.state.downed).toEqual([]);
    const isGivenUp = () => others.every((other) => other.membership.partition.state.downed.includes("n02"));
    await hub.until("it is given up", isGivenUp, 15_000);
    hub.passes = () => true;
    await hub.until("it is up again", () => membership.status === "up", 60_000);
  });

  test("join() asks every address of a name but its own, and tells of names that do not exist", async () => {
    const hub = new Hub();
    hub.start("a", 7_000, { host: "10.0.0.1" });
    hub.start("b", 7_000, { host: "10.0.0.2" });
    const { membership, warnings } = hub.start("c", 7_000, { host: "10.0.0.3" });
    expect(await membership.join(["cluster.test:7000", "nowhere.test:7000", "10.0.0.3:7000"])).toEqual([
      { host: "10.0.0.1", port: 7_000 },
      { host: "10.0.0.2", port: 7_000 },
    ]);
    expect(warnings).toEqual(["the seed nowhere.test:7000 cannot be looked up: there is no nowhere.test"]);
    await hub.until("all see all", () => ["a", "b", "c"].every((id) => alive(hub, id).length === 3));
    await expect(membership.join(["no port"])).rejects.toThrow('cannot join by "no port": host:port is required');
  });

  test("join() looks a name up again that was not known at the start", async () => {
    const hub = new Hub();
    hub.start("a", 7_000, { host: "10.0.0.1" });
    const { membership } = hub.start("b", 7_000, { host: "10.0.0.2" });
    expect(await membership.join(["later.test:7000"])).toEqual([]);
    await hub.run(30_000);
    expect(alive(hub, "b")).toHaveLength(1);
    hub.knownName = "later.test";
    await hub.until("both see both", () => ["a", "b"].every((id) => alive(hub, id).length === 2));
  });

  test("on() goes on telling others when a listener throws, until it is ended", async () => {
    const hub = new Hub();
    const { events, membership, warnings } = hub.start("a", 7_000);
    const heard: string[] = [];
    membership.on(() => {
      throw new Error("no ears");
    });
    const end = membership.on(({ kind }) => void heard.push(kind));
    await hub.start("b", 7_001).membership.join(["10.0.0.1:7000"]);
    await hub.run(1_000);
    expect(heard).toEqual(events.map(({ kind }) => kind));
    expect(heard).toContain("join");
    expect(warnings).toContain("a listener failed at a join of the membership: no ears");
    const count = heard.length;
    end();
    hub.kill("b");
    await hub.run(10_000);
    expect(heard.length).toBe(count);
    expect(events.length).toBeGreaterThan(count);
  });

  test("linkActivity() keeps a peer from suspicion when only its datagrams get lost, and linkClosed() ends that at once", async () => {
    const hub = new Hub();
    await startCluster(hub, 3);
    const beat = (from: string, to: string) => hub.hosts.get(from)!.membership.linkActivity(to);
    const isLost = (from: string, to: string) => from === "n02" || to === "n02";
    hub.dropsDatagrams = isLost;
    for (let second = 0; second < 30; second++) {
      for (const id of ["n00", "n01"]) {
        beat(id, "n02");
        beat("n02", id);
      }
      await hub.run(1_000);
    }
    const { membership } = hub.hosts.get("n00")!;
    expect(kinds(hub.hosts.get("n00")!.events, "n02")).toEqual(["join"]);
    expect(membership.explain("n02")).toMatchObject({ swim: { link: "fresh" }, phi: expect.any(Number) });
    expect(membership.explain("n02")!.swim.lostProbes).toBeGreaterThan(0);
    for (const id of ["n00", "n01"]) hub.hosts.get(id)!.membership.linkClosed("n02");
    await hub.until("it is dead", () => alive(hub, "n00").length === 2 && alive(hub, "n01").length === 2, 10_000);
    expect(membership.explain("n02")).toMatchObject({ swim: { link: "closed" }, phi: undefined });
  });
});

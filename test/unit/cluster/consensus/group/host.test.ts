import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { GroupHost } from "../../../../../src/cluster/consensus/group/index.ts";
import type { PeerLink, TopicHandler } from "../../../../../src/wire/link/index.ts";
import { command, type Node, Rig } from "./rig.ts";

interface Place {
  readonly host: GroupHost;
  readonly joined: string[];
  readonly foreign: string[];
}

/** Hosts around the groups of a rig, with links that call the other host's handlers. */
function hostsOf(rig: Rig, lose: { request: (topic: string) => Failure | undefined } = { request: () => undefined }) {
  const places = new Map<string, Place>();
  const linkTo = (from: string, to: string): PeerLink | undefined => {
    if (rig.cut.has(from) || rig.cut.has(to)) return undefined;
    const handler = (topic: string): TopicHandler => places.get(to)!.host.handlers[topic]!;
    const link = {
      isOpen: true,
      notify: (topic: string, payload: unknown) => handler(topic).notify!(payload, { peer: { id: from } } as never),
      request: async (topic: string, payload: unknown, { signal }: { readonly signal: AbortSignal }) => {
        const failure = lose.request(topic);
        if (failure) throw failure;
        return handler(topic).request!(payload, { peer: { id: from }, signal } as never);
      },
    };
    return link as unknown as PeerLink; // what hosts use of one
  };
  for (const [id, { group }] of rig.nodes) {
    const [joined, foreign]: string[][] = [[], []];
    const host = new GroupHost({
      self: id,
      link: (to) => linkTo(id, to),
      pause: (ms) => new Promise((resolve) => void rig.clock.after(ms, resolve)),
      joined: (name, identity) => joined!.push(`${name} ${identity}`),
      foreign: (name, from) => foreign!.push(`${name} ${from}`),
    });
    host.add(group, "one");
    places.set(id, { host, joined: joined!, foreign: foreign! });
  }
  return places;
}

function followerOf(rig: Rig, leader: Node): string {
  return [...rig.nodes].find(([, each]) => each !== leader)![0];
}

async function settled<T>(rig: Rig, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  promise.then(over, over);
  await rig.until(() => isOver);
  return promise;
}

const never = new AbortController().signal;

describe("GroupHost", () => {
  test("propose() on any node is done by the leader, and its outcome comes back", async () => {
    const rig = new Rig(["a", "b", "c"]);
    const leader = await rig.leader();
    const places = hostsOf(rig);
    for (const { host } of places.values()) {
      expect(await settled(rig, host.propose("main", command("x"), { signal: never }))).toBe("x!");
    }
    expect(leader.machine.applied).toEqual(["x", "x", "x"]);
  });

  test("propose() waits for a leader, and fails with consensus.no_leader when the signal aborts before", async () => {
    const rig = new Rig(["a", "b", "c"]);
    const places = hostsOf(rig);
    const over = new AbortController();
    for (const id of rig.nodes.keys()) rig.cut.add(id);
    const waiting = places.get("a")!.host.propose("main", command("x"), { signal: over.signal });
    await rig.pass(500);
    over.abort();
    expect(settled(rig, waiting)).rejects.toMatchObject({ code: "consensus.no_leader", retryable: true });
    const second = places.get("a")!.host.propose("main", command("y"), { signal: never });
    rig.cut.clear();
    expect(await settled(rig, second)).toBe("y!");
  });

  test("propose() is tried again when nothing was done, and never when something may have been", async () => {
    const rig = new Rig(["a", "b", "c"]);
    const leader = await rig.leader();
    const failures = [new Failure("consensus.not_leader", "no"), new Failure("link.closed", "gone")];
    const places = hostsOf(rig, { request: (topic) => (topic === "raft/propose" ? failures.shift() : undefined) });
    const follower = followerOf(rig, leader);
    await rig.until(() => rig.nodes.get(follower)!.group.leadership.leader !== undefined);
    const proposing = places.get(follower)!.host.propose("main", command("x"), { signal: never });
    expect(settled(rig, proposing)).rejects.toMatchObject({ code: "consensus.unknown_outcome" });
    await rig.pass(100);
    expect(failures).toHaveLength(0);
    expect(leader.machine.applied).toEqual([]);
  });

  test("readBarrier() on a follower resolves when it has applied what was acknowledged before", async () => {
    const rig = new Rig(["a", "b", "c"]);
    const leader = await rig.leader();
    const places = hostsOf(rig);
    const follower = followerOf(rig, leader);
    await settled(rig, places.get(follower)!.host.propose("main", command("x"), { signal: never }));
    await settled(rig, places.get(follower)!.host.readBarrier("main", "linearizable", { signal: never }));
    expect(rig.nodes.get(follower)!.machine.applied).toEqual(["x"]);
  });

  test("messages of another group of the same name are told and dropped", async () => {
    const rig = new Rig(["a", "b", "c"]);
    const places = hostsOf(rig);
    const { foreign, host } = places.get("a")!;
    const notify = (payload: unknown) =>
      host.handlers["raft/message"]!.notify!(payload, { peer: { id: "b" } } as never);
    notify(["main", "two", [1, 8, 99]]);
    expect(foreign).toEqual(["main b"]);
    await rig.pass(1);
    expect(rig.nodes.get("a")!.group.leadership.term).toBeLessThan(99);
    for (const odd of [
      undefined,
      1,
      [],
      ["main"],
      ["main", 1, 2],
      ["other", "one", [1, 8, 99]],
      ["main", "one", "x"],
    ]) {
      notify(odd);
    }
  });

  test("a node that waits to be added takes the first group that speaks to it for its own", () => {
    const rig = new Rig(["a"]);
    const joined: string[] = [];
    const host = new GroupHost({
      self: "a",
      link: () => undefined,
      pause: () => Promise.resolve(),
      joined: (name, identity) => joined.push(`${name} ${identity}`),
      foreign: (name) => joined.push(`foreign ${name}`),
    });
    host.add(rig.nodes.get("a")!.group, undefined);
    const notify = host.handlers["raft/message"]!.notify!;
    notify(["main", "one", [1, 8, 1]], { peer: { id: "b" } } as never);
    notify(["main", "one", [1, 8, 1]], { peer: { id: "b" } } as never);
    notify(["main", "two", [1, 8, 1]], { peer: { id: "c" } } as never);
    expect(joined).toEqual(["main one", "foreign main"]);
  });

  test("propose(), change() and readBarrier() end with their signal when the leader here cannot go on", async () => {
    const rig = new Rig(["a"]);
    const { log } = await rig.leader();
    const { host } = hostsOf(rig).get("a")!;
    log.holds = true;
    const over = new AbortController();
    const options = { signal: over.signal };
    const waiting = [
      host.propose("main", command("x"), options),
      host.change("main", { type: "add", node: "b", isLearner: true }, options),
    ].map((each) => each.catch((thrown: Failure) => thrown.code));
    await rig.pass(10);
    over.abort();
    expect(await settled(rig, Promise.all(waiting))).toEqual([
      "consensus.unknown_outcome",
      "consensus.unknown_outcome",
    ]);
    for (const begun of [
      host.propose("main", command("y"), options),
      host.readBarrier("main", "linearizable", options),
    ]) {
      expect(await begun.catch((thrown: Failure) => thrown.code)).toBe("consensus.no_leader");
    }
    log.release();
    await rig.pass(10);
  });

  test("readBarrier() ends with its signal when nobody confirms that the leader here still leads", async () => {
    const rig = new Rig(["a", "b", "c"]);
    const leader = await rig.leader();
    const [self] = [...rig.nodes].find(([, each]) => each === leader)!;
    for (const id of rig.nodes.keys()) if (id !== self) rig.cut.add(id);
    const over = new AbortController();
    const reading = hostsOf(rig).get(self)!.host.readBarrier("main", "linearizable", { signal: over.signal });
    const outcome = reading.catch((thrown: Failure) => thrown.code);
    await rig.pass(5);
    over.abort();
    expect(await outcome).toBe("consensus.no_leader");
  });

  test("a leader serves its members, and others when mayAsk() says so", async () => {
    const rig = new Rig(["a"]);
    const { group } = await rig.leader();
    const asked: string[] = [];
    const host = new GroupHost({
      self: "a",
      link: () => undefined,
      pause: () => Promise.resolve(),
      joined: () => {},
      foreign: () => {},
      mayAsk: (peer) => {
        asked.push(peer);
        return peer === "master";
      },
    });
    host.add(group, "one");
    const ask = async (topic: string, payload: unknown, from: string): Promise<unknown> =>
      host.handlers[topic]!.request!(payload, { peer: { id: from }, signal: never } as never);
    for (const [topic, payload] of [
      ["raft/propose", ["main", command("x")]],
      ["raft/read", ["main", "linearizable"]],
      ["raft/change", ["main", { type: "add", node: "b", isLearner: true }]],
    ] as const) {
      expect(ask(topic, payload, "worker")).rejects.toMatchObject({ code: "consensus.stranger" });
    }
    await rig.pass(5);
    expect(group.configuration.learners).toEqual([]);
    expect(await settled(rig, ask("raft/propose", ["main", command("y")], "master"))).toBe("y!");
    expect(await settled(rig, ask("raft/propose", ["main", command("z")], "a"))).toBe("z!");
    expect(asked).toEqual(["worker", "worker", "worker", "master"]);
    const strict = hostsOf(rig).get("a")!.host.handlers["raft/propose"]!.request!;
    expect(() => strict(["main", command("x")], { peer: { id: "master" }, signal: never } as never)).toThrow(
      "master is no member",
    );
  });

  test("group() names the groups that there are when it has none of that name", () => {
    const rig = new Rig(["a"]);
    const { host } = hostsOf(rig).get("a")!;
    expect(() => host.group("other")).toThrow('no group "other"; it has main');
  });
});

import { expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { createLogger, type LogRecord } from "../../../../src/base/log.ts";
import { Directory, type Peer, type PeerChange, type Registry } from "../../../../src/cluster/node/directory.ts";
import { type CallMeta, type MessageMeta, NodeRuntime, type Post } from "../../../../src/cluster/node/runtime.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

function peer(alias: string, id = `id-${alias}`, port = 1): Peer {
  return { alias, id, host: "127.0.0.1", port, meta: {} };
}

class ListedRegistry implements Registry {
  readonly hearers = new Set<(change: PeerChange) => void>();
  readonly peers: Peer[];
  asked = 0;

  constructor(...peers: Peer[]) {
    this.peers = peers;
  }

  watch(hear: (change: PeerChange) => void): () => void {
    for (const each of this.peers) hear({ kind: "join", peer: each });
    this.hearers.add(hear);
    return () => void this.hearers.delete(hear);
  }

  tell(kind: PeerChange["kind"], each: Peer): void {
    for (const hear of this.hearers) hear({ kind, peer: each });
  }

  async resolve(alias: string): Promise<Peer | undefined> {
    this.asked++;
    return this.peers.find((each) => each.alias === alias);
  }
}

/** Nodes that reach each other by a call. */
function world(...aliases: string[]) {
  const registry = new ListedRegistry(...aliases.map((alias) => peer(alias)));
  const clock = new SteppedClock();
  const records: LogRecord[] = [];
  const logger = createLogger({ name: "test", level: "debug", clock, sink: (record) => records.push(record) });
  const nodes = new Map<string, NodeRuntime>();
  const open = (alias: string, mailbox = {}) => {
    const id = `id-${alias}`;
    const post: Post = {
      notify: async (to, _topic, payload) => nodes.get(to.id)!.receive(id, payload, 10),
      request: (to, _topic, payload, { signal }) =>
        nodes.get(to.id)!.answer(id, payload, 10, signal ?? new AbortController().signal),
    };
    const node = new NodeRuntime({ id, alias, mailbox }, { registries: [registry], post, clock, logger });
    nodes.set(id, node);
    return node;
  };
  return { registry, clock, records, open };
}

test("send() puts a message into the other node's mailbox, in order, with who sent it", async () => {
  const { open, clock } = world("ping", "pong");
  const [ping, pong] = [open("ping"), open("pong")];
  clock.advance(5);
  const got: [unknown, MessageMeta][] = [];
  await ping.send("pong", { n: 1 });
  pong.onMessage((message, meta) => got.push([message, meta]));
  await ping.send("pong", { n: 2 });
  const meta = { from: "ping", fromId: "id-ping", receivedAtMs: 5, sizeBytes: 10 };
  expect(got).toEqual([
    [{ n: 1 }, meta],
    [{ n: 2 }, meta],
  ]);
});

test("send() fails for an alias that nobody has, and says what is near", async () => {
  const { open } = world("ping", "payments");
  const node = open("ping");
  expect(node.send("paymets", 1)).rejects.toThrow('there is no node "paymets"; did you mean payments?');
  expect(node.send("x", 1)).rejects.toMatchObject({ code: "node.unknown_alias", retryable: true });
});

test("call() brings the answer, or the other node's Failure as it was", async () => {
  const { open } = world("asker", "answerer");
  const [asker, answerer] = [open("asker"), open("answerer")];
  const metas: CallMeta[] = [];
  answerer.onCall(async (request, meta) => {
    metas.push(meta);
    if (request === 0) throw new Failure("shop.closed", "come back tomorrow", { retryable: true, data: { day: 1 } });
    return Number(request) * 2;
  });
  expect(await asker.call("answerer", 21)).toBe(42);
  expect(metas[0]).toMatchObject({ from: "asker", fromId: "id-asker" });
  expect(asker.call("answerer", 0)).rejects.toMatchObject({ code: "shop.closed", retryable: true, data: { day: 1 } });
});

test("call() waits for an onCall that comes right after the start, and for no other", async () => {
  const { clock, open } = world("asker", "answerer");
  const [asker, answerer] = [open("asker"), open("answerer")];
  const early = asker.call("answerer", 1);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  answerer.onCall((request) => Number(request) + 1);
  expect(await early).toBe(2);
  const other = world("asker", "mute");
  const [from] = [other.open("asker"), other.open("mute")];
  const refused = from.call("mute", 1).catch((thrown: unknown) => thrown);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  other.clock.advance(2_000);
  expect(await refused).toMatchObject({ code: "node.no_call_handler" });
  expect(await from.call("mute", 1).catch((thrown: unknown) => thrown)).toMatchObject({ code: "node.no_call_handler" });
  expect(clock.timers).toBe(0);
});

test("NodeRuntime tells of messages that its mailbox drops", async () => {
  const { open } = world("ping", "pong");
  const [ping, pong] = [open("ping"), open("pong", { maxSize: 1, overflow: "drop-newest" })];
  const dropped: number[] = [];
  pong.on("message:dropped", ({ total }) => dropped.push(total));
  for (const each of [1, 2, 3]) await ping.send("pong", each);
  expect(dropped).toEqual([1, 2]);
  expect(pong.counts()).toMatchObject({ received: 3, dropped: 2, waiting: 1 });
});

test("NodeRuntime logs what a message handler or an event handler throws, and goes on", async () => {
  const { open, records, registry } = world("ping", "pong");
  const [ping, pong] = [open("ping"), open("pong")];
  pong.onMessage(() => {
    throw new Error("bad message");
  });
  pong.on("peer:join", () => {
    throw new Error("bad event");
  });
  await ping.send("pong", 1);
  registry.tell("join", peer("new"));
  expect(records.map(({ message }) => message)).toEqual([
    "the message handler failed",
    "a handler of peer:join failed: bad event",
  ]);
});

test("receive() refuses what is no message of ours", () => {
  const { open } = world("ping");
  const node = open("ping");
  for (const bad of [undefined, null, 1, "text", {}, { from: 1, body: 2 }, { from: "x".repeat(65), body: 1 }]) {
    expect(() => node.receive("id", bad, 1)).toThrow("a message without sender and body");
  }
});

test("discover() and events leave the node itself out; close() ends it all", async () => {
  const { open, registry } = world("ping", "pong");
  const ping = open("ping");
  const heard: string[] = [];
  ping.on("peer:join", ({ alias }) => heard.push(`+${alias}`));
  const off = ping.on("peer:leave", ({ alias }) => heard.push(`-${alias}`));
  expect((await ping.discover()).map(({ alias }) => alias)).toEqual(["pong"]);
  registry.tell("join", peer("new"));
  registry.tell("leave", peer("new"));
  off();
  registry.tell("leave", peer("pong"));
  expect(heard).toEqual(["+new", "-new"]);
  ping.close();
  expect(registry.hearers.size).toBe(0);
  expect(ping.send("pong", 1)).rejects.toMatchObject({ code: "node.stopped" });
});

test("Directory prefers the first registry, tells of a peer once, and follows one that moves", () => {
  const near = new ListedRegistry(peer("db", "db-near"));
  const far = new ListedRegistry(peer("db", "a-db-far"), peer("web"));
  const heard: string[] = [];
  const directory = new Directory([near, far], ({ kind, peer: { id, port } }) => heard.push(`${kind} ${id}:${port}`));
  near.tell("join", peer("web"));
  expect(directory.find("db")?.id).toBe("db-near");
  expect(directory.list().map(({ id }) => id)).toEqual(["a-db-far", "db-near", "id-web"]);
  expect(heard).toEqual(["join db-near:1", "join a-db-far:1", "join id-web:1"]);
  near.tell("leave", peer("db", "db-near"));
  expect(directory.find("db")?.id).toBe("a-db-far");
  far.tell("leave", peer("web"));
  expect(heard.slice(3)).toEqual(["leave db-near:1"]);
  near.tell("join", peer("web", "id-web", 2));
  expect(heard.slice(4)).toEqual(["leave id-web:1", "join id-web:2"]);
});

test("Directory.resolve() asks the registries for what no watch has told, and fails only when all do", async () => {
  const silent = new ListedRegistry();
  const broken: Registry = {
    watch: () => () => {},
    resolve: () => Promise.reject(new Failure("pmd.gone", "no answer")),
  };
  const directory = new Directory([broken, silent], () => {});
  expect(await directory.resolve("late")).toBeUndefined();
  silent.peers.push(peer("late"));
  expect((await directory.resolve("late"))?.id).toBe("id-late");
  expect(new Directory([broken], () => {}).resolve("x")).rejects.toThrow("no answer");
});

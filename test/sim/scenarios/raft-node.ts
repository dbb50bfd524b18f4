/**
 * A Raft node of the simulation: the machine, its log on the simulated disk, its state machine, and the queue of effects. A
 * `persist` takes time and holds back what is behind it, except a `send` that is free. Snapshots, their pieces and their
 * compaction go on beside the queue. The oracle sees every step, every write that is done, every message and every entry applied.
 */
import type { Tick } from "../../../src/base/machine.ts";
import {
  type DurableState,
  type Entry,
  Raft,
  type RaftEffect,
  type RaftInput,
  type RaftOptions,
  type RaftRules,
  type SnapshotInfo,
} from "../../../src/protocol/raft/index.ts";
import { Violation } from "../run/index.ts";
import { chance, exponential, type Port, type Process } from "../world/index.ts";
import { imageChecksum, type RaftDisk, type Recovered } from "./raft-disk.ts";
import type { RaftOracle } from "./raft-oracle.ts";
import { RaftPending } from "./raft-pending.ts";
import type { RaftStore } from "./raft-store.ts";
import { type Answer, indexOf, nameOf, type RaftRequest, type RaftWire } from "./raft-wire.ts";

export interface NodePlan {
  readonly options: RaftOptions;
  readonly rules: RaftRules;
  readonly oracle: RaftOracle;
  readonly syncMsMean: number;
  /** Messages go by links, in order, or by datagrams. */
  readonly hasLinks: boolean;
  /** Proposals are gathered for so long. */
  readonly batchMs: number;
  /** So many entries after the last snapshot comes the next one. */
  readonly snapshotEvery: number;
  /** The log's file is rewritten when it has so many bytes and a snapshot covers its beginning. */
  readonly rewriteBytes: number;
  /** Share of the snapshots that come in and turn out to be broken. */
  readonly brokenSnapshots: number;
  readonly waitsForDisk: boolean;
}

interface Task {
  readonly atMs: number;
  run(nowMs: number): void;
}

type Persist = Extract<RaftEffect, { type: "persist" }>;

export class RaftNode implements Process<RaftWire> {
  readonly raft: Raft;
  readonly store: RaftStore;
  readonly #port: Port<RaftWire>;
  readonly #plan: NodePlan;
  readonly #disk: RaftDisk;
  readonly #pending: RaftPending;
  readonly #queue: RaftEffect[] = [];
  /** What the queue waits for. */
  #wait: Task | undefined;
  /** Beside the queue, by time. */
  readonly #tasks: Task[] = [];
  #isBusy = false;
  #isSnapshotting = false;
  #snapshot: SnapshotInfo | undefined;
  #gathered: { data: Uint8Array; answer: (answer: Answer) => void }[] = [];

  constructor(port: Port<RaftWire>, plan: NodePlan, disk: RaftDisk, store: RaftStore, found: Recovered) {
    this.#port = port;
    this.#plan = plan;
    this.#disk = disk;
    this.store = store;
    this.#pending = new RaftPending(store);
    if (found.image !== undefined) store.load(found.image);
    this.#snapshot = found.durable.snapshot;
    plan.oracle.born(port.index, port.life, found.durable, store);
    this.raft = machineOf(port, plan, found.durable);
  }

  get wakeAtMs(): number | undefined {
    const dueMs = Math.min(
      this.raft.nextDeadlineMs ?? Number.POSITIVE_INFINITY,
      this.#wait?.atMs ?? Number.POSITIVE_INFINITY,
      this.#tasks[0]?.atMs ?? Number.POSITIVE_INFINITY,
    );
    return dueMs === Number.POSITIVE_INFINITY ? undefined : dueMs;
  }

  get isIdle(): boolean {
    return this.#wait === undefined && this.#tasks.length === 0;
  }

  receive(from: number, wire: RaftWire, _via: unknown, nowMs: number): void {
    if (wire.kind === "request") this.#request(wire.request, nowMs);
    else {
      this.#plan.oracle.heard(this.#port.index, nameOf(from), wire.message);
      this.feed({ type: "receive", from: nameOf(from), message: wire.message }, nowMs);
    }
  }

  undelivered(to: number, _wire: RaftWire, nowMs: number): void {
    this.feed({ type: "unreachable", node: nameOf(to) }, nowMs);
  }

  wake(nowMs: number): void {
    while (this.#tasks[0] !== undefined && this.#tasks[0].atMs <= nowMs) this.#tasks.shift()!.run(nowMs);
    if (this.#wait !== undefined && this.#wait.atMs <= nowMs) this.#goOn(nowMs);
    const dueMs = this.raft.nextDeadlineMs;
    if (dueMs !== undefined && dueMs <= nowMs) this.feed({ type: "tick" }, nowMs);
  }

  /** An operator's wish; the answer comes like a client's. */
  order(make: (id: number) => RaftInput, answer: (answer: Answer) => void, nowMs: number): void {
    this.feed(make(this.#pending.ask(answer)), nowMs);
  }

  feed(input: RaftInput | Tick, nowMs: number): void {
    const effects = this.raft.step(input, nowMs);
    for (const effect of effects) {
      if (effect.type === "persist") this.#plan.oracle.placed(this.#port.index, effect.entries, this.raft.commit);
      else if (effect.type === "restore") this.#plan.oracle.replaced(this.#port.index, effect.snapshot);
    }
    this.#plan.oracle.stepped(this.#port.index, this.raft);
    for (const effect of effects) {
      if (effect.type === "send" && effect.isFree) this.#send(effect);
      else this.#queue.push(effect);
    }
    this.#drain(nowMs);
  }

  #drain(nowMs: number): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (this.#wait === undefined) {
      const effect = this.#queue.shift();
      if (effect === undefined) break;
      this.#carryOut(effect, nowMs);
    }
    this.#isBusy = false;
  }

  #goOn(nowMs: number): void {
    const wait = this.#wait!;
    this.#wait = undefined;
    this.#isBusy = true;
    wait.run(nowMs);
    this.#isBusy = false;
    this.#drain(nowMs);
  }

  #carryOut(effect: RaftEffect, nowMs: number): void {
    switch (effect.type) {
      case "persist":
        return this.#persist(effect, nowMs);
      case "send":
        return this.#send(effect);
      case "commit":
        return this.#apply(effect.entries, nowMs);
      case "restore":
        return this.#restore(effect.snapshot, nowMs);
      case "readPiece":
        return this.#readPiece(effect, nowMs);
      case "storePiece":
        return this.#storePiece(effect, nowMs);
      case "repaired":
        this.#plan.oracle.repaired(this.#port.index);
        return this.#disk.markRepaired();
      case "proposed":
      case "refused":
      case "readReady":
      case "done":
        return this.#pending.take(effect);
      case "role":
      case "configuration":
        return;
    }
  }

  #persist({ hardState, entries }: Persist, nowMs: number): void {
    const synced = this.#disk.persist(hardState, entries);
    const last = entries.at(-1);
    const done = (atMs: number): void => {
      synced();
      this.#plan.oracle.durable(this.#port.index, hardState, entries);
      if (last !== undefined) this.feed({ type: "persisted", index: last.index, term: last.term }, atMs);
    };
    const forMs = exponential(this.#port.random, this.#plan.syncMsMean);
    if (this.#plan.waitsForDisk) this.#wait = { atMs: nowMs + forMs, run: done };
    else this.#later(forMs, done, nowMs);
  }

  #send({ to, message }: Extract<RaftEffect, { type: "send" }>): void {
    this.#plan.oracle.sent(this.#port.index, to, message);
    const wire: RaftWire = { kind: "raft", message };
    if (this.#plan.hasLinks) this.#port.sendStream(indexOf(to), wire);
    else this.#port.send(indexOf(to), wire);
  }

  #apply(entries: readonly Entry[], nowMs: number): void {
    for (const entry of entries) {
      if (entry.index !== this.store.index + 1) {
        throw new Violation(
          `node ${this.#port.index} is to apply entry ${entry.index} and has applied ${this.store.index}`,
        );
      }
      const isOk = this.store.apply(entry);
      this.#plan.oracle.applied(this.#port.index, entry, this.store.history);
      this.#pending.applied(entry, isOk);
    }
    this.#maybeSnapshot(nowMs);
  }

  #maybeSnapshot(nowMs: number): void {
    const { index, term, configuration } = this.store;
    if (this.#isSnapshotting || index - (this.#snapshot?.index ?? 0) < this.#plan.snapshotEvery) return;
    this.#isSnapshotting = true;
    const image = this.store.image(`node ${this.#port.index} in life ${this.#port.life}`);
    const info: SnapshotInfo = {
      index,
      term,
      configuration,
      sizeBytes: image.length,
      checksum: imageChecksum(image),
    };
    this.#later(
      exponential(this.#port.random, 3 * this.#plan.syncMsMean),
      (atMs) => this.#saved(info, image, atMs),
      nowMs,
    );
  }

  /** One that has come from the leader meanwhile is newer: then this one is dropped. */
  #saved(info: SnapshotInfo, image: Uint8Array, nowMs: number): void {
    this.#isSnapshotting = false;
    if (info.index <= (this.#snapshot?.index ?? 0)) return;
    this.#disk.saveSnapshot(info, image)();
    this.#snapshot = info;
    this.feed({ type: "snapshotTaken", snapshot: info }, nowMs);
    this.#maybeRewrite(nowMs);
  }

  /** Only while nothing is on its way to the log's file. */
  #maybeRewrite(nowMs: number): void {
    if (this.#snapshot === undefined || this.#disk.logBytes < this.#plan.rewriteBytes) return;
    if (this.#wait === undefined && this.#plan.waitsForDisk) this.#disk.compact(this.#snapshot);
    else this.#later(1, (atMs) => this.#maybeRewrite(atMs), nowMs);
  }

  #readPiece(effect: Extract<RaftEffect, { type: "readPiece" }>, nowMs: number): void {
    const { to, snapshot, offset, sizeBytesMax } = effect;
    const found = this.#disk.readSnapshot();
    if (found === undefined || found.info.checksum !== snapshot.checksum || found.info.index !== snapshot.index) return;
    const data = found.image.slice(offset, offset + sizeBytesMax);
    const forMs = exponential(this.#port.random, 0.3 * this.#plan.syncMsMean);
    this.#later(forMs, (atMs) => this.feed({ type: "piece", to, snapshot, offset, data }, atMs), nowMs);
  }

  #storePiece({ snapshot, offset, data }: Extract<RaftEffect, { type: "storePiece" }>, nowMs: number): void {
    const synced = this.#disk.storePiece(snapshot, offset, data);
    const done = (atMs: number): void => {
      synced();
      this.feed({ type: "pieceStored", snapshot, offset: offset + data.length }, atMs);
    };
    this.#later(exponential(this.#port.random, this.#plan.syncMsMean), done, nowMs);
  }

  #restore(snapshot: SnapshotInfo, nowMs: number): void {
    const isBroken = chance(this.#port.random, this.#plan.brokenSnapshots);
    const image = isBroken ? undefined : this.#disk.incoming(snapshot);
    const done = (atMs: number): void => {
      if (image !== undefined) this.#install(snapshot, image);
      this.feed({ type: "restored", snapshot, ok: image !== undefined }, atMs);
    };
    this.#wait = { atMs: nowMs + exponential(this.#port.random, 3 * this.#plan.syncMsMean), run: done };
  }

  #install(snapshot: SnapshotInfo, image: Uint8Array): void {
    this.#disk.saveSnapshot(snapshot, image)();
    this.#snapshot = snapshot;
    this.#disk.reset(snapshot);
    this.store.load(image);
    this.#pending.skippedTo(snapshot.index);
    this.#plan.oracle.restored(this.#port.index, snapshot, this.store);
  }

  #request(request: RaftRequest, nowMs: number): void {
    if (request.type === "read") {
      const { key, mode } = request;
      this.feed({ type: "read", id: this.#pending.read(key, request.answer), mode }, nowMs);
      return;
    }
    for (const data of request.data) this.#gathered.push({ data, answer: request.answer });
    if (this.#plan.batchMs === 0) this.#propose(nowMs);
    else if (this.#gathered.length === request.data.length) {
      this.#later(this.#plan.batchMs, (atMs) => this.#propose(atMs), nowMs);
    }
  }

  #propose(nowMs: number): void {
    const proposals = this.#gathered.map(({ data, answer }) => ({ id: this.#pending.ask(answer), data }));
    this.#gathered = [];
    this.feed({ type: "propose", proposals }, nowMs);
  }

  #later(forMs: number, run: (nowMs: number) => void, nowMs: number): void {
    const task = { atMs: nowMs + forMs, run };
    let at = this.#tasks.length;
    while (at > 0 && this.#tasks[at - 1]!.atMs > task.atMs) at--;
    this.#tasks.splice(at, 0, task);
  }
}

function machineOf(port: Port<RaftWire>, plan: NodePlan, durable: DurableState): Raft {
  const { options, rules } = plan;
  const { random } = port;
  return new Raft({ id: nameOf(port.index), durable, options, random, rules, nowMs: port.clock.monotonic() });
}

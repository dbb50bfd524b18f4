/**
 * The state machine that all nodes of a group run on the same log: a command goes in, an outcome comes out, the same on every node. It
 * asks no clock and no chance. The leader stamps entries with the group's clock, which here only grows. Whoever binds it to a log sees
 * to the order, to durability and to a barrier before reads; here nothing waits and nothing fails for what a client can send.
 */
import { createHash } from "node:crypto";
import { assert, Failure } from "../../base/errors.ts";
import { Decoder } from "../../wire/codec/index.ts";
import type { Counters } from "../counter/index.ts";
import type { Leases } from "../lease/index.ts";
import type { Locks } from "../lock/index.ts";
import {
  type Defer,
  type EventFilter,
  HISTORY_BYTES_MAX,
  HISTORY_EVENTS_MAX,
  type Maps,
  Watches,
  type WatchListener,
} from "../map/index.ts";
import type { Queues } from "../queue/index.ts";
import type { DistributedTransactions } from "../transaction/index.ts";
import { DATA_BYTES_MAX, type MapEvent, type MarkedCommand, type Moment, type Outcome } from "../words/index.ts";
import { type ChangeKind, Changes } from "./changes.ts";
import { decodeCommand } from "./codec.ts";
import { readFrames, writeFrames } from "./frames.ts";
import type { SessionBounds } from "./sessions.ts";
import { captureState, restoreState } from "./snapshot.ts";
import { State } from "./state.ts";

export interface DataMachineOptions {
  readonly bytesMax?: number;
  readonly historyEventsMax?: number;
  readonly historyBytesMax?: number;
  readonly sessions?: SessionBounds;
  /** When watches and changes are told: behind what is being done, unless it says otherwise. */
  readonly defer?: Defer;
}

/** Of the entry of the log. */
export interface EntryPlace {
  readonly index: number;
  /** The group's clock at it. */
  readonly clockMs: number;
}

export interface WatchQuery extends EventFilter {
  /** From the change with this revision on; none: what comes from now on. */
  readonly fromRevision?: number | undefined;
}

export interface DataStats {
  readonly appliedIndex: number;
  readonly clockMs: number;
  readonly revision: number;
  readonly compacted: number;
  readonly keys: number;
  readonly leases: number;
  readonly sessions: number;
  readonly watches: number;
  readonly sizeBytes: number;
  readonly bytesMax: number;
  /** By structure. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** Beyond it sums of times would not be exact; what claims to be later is not believed. */
const CLOCK_MS_MAX = 2 ** 52;
/** History takes an eighth of a small store at most. */
const HISTORY_SHARE = 1 / 8;

export class DataMachine {
  readonly #bytesMax: number;
  readonly #options: DataMachineOptions;
  readonly #watches: Watches;
  readonly #changes: Changes;
  readonly #decoder = new Decoder();
  #state: State;
  #appliedIndex = 0;
  #clockMs = 0;

  constructor(options: DataMachineOptions = {}) {
    const defer = options.defer ?? queueMicrotask;
    this.#options = options;
    this.#bytesMax = options.bytesMax ?? DATA_BYTES_MAX;
    this.#watches = new Watches(defer);
    this.#changes = new Changes(defer);
    this.#state = this.#newState();
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  get clockMs(): number {
    return this.#clockMs;
  }

  /** When something is due, on the group's clock: the leader sends a `tick` then. */
  get nextDueMs(): number | undefined {
    return this.#state.nextDueMs;
  }

  get sizeBytes(): number {
    return this.#state.sizeBytes;
  }

  /** For reads only. A `restore` puts others in their places: ask again each time. */
  get maps(): Pick<Maps, "compacted" | "events" | "get" | "keys" | "list" | "range" | "revision"> {
    return this.#state.maps;
  }

  get leases(): Pick<Leases, "has" | "list" | "show" | "size"> {
    return this.#state.leases;
  }

  get locks(): Pick<Locks, "isHeld" | "list" | "show"> {
    return this.#state.locks;
  }

  get queues(): Pick<Queues, "list" | "peek" | "stats"> {
    return this.#state.queues;
  }

  get distributed(): Pick<DistributedTransactions, "due" | "hasLocks" | "list" | "show"> {
    return this.#state.distributed;
  }

  get counters(): Pick<Counters, "get" | "list"> {
    return this.#state.counters;
  }

  /** `data` is what `encodeCommand` has made, or anything else, which is refused as `data.malformed`. */
  apply(data: Uint8Array, { index, clockMs }: EntryPlace): Outcome {
    assert(index > this.#appliedIndex, `entry ${index} is applied behind entry ${this.#appliedIndex}`);
    this.#appliedIndex = index;
    if (clockMs > this.#clockMs && clockMs <= CLOCK_MS_MAX) this.#clockMs = Math.floor(clockMs);
    const moment: Moment = { index, nowMs: this.#clockMs };
    this.#state.advance(moment);
    const marked = this.#decode(data);
    return "ok" in marked ? marked : this.#applyOnce(marked, moment, data.length);
  }

  /** An entry of the log that is no command of data: time passes with it all the same. */
  skip(index: number): void {
    assert(index > this.#appliedIndex, `entry ${index} is skipped behind entry ${this.#appliedIndex}`);
    this.#appliedIndex = index;
  }

  stats(): DataStats {
    const { maps, leases, sessions, structures } = this.#state;
    return {
      appliedIndex: this.#appliedIndex,
      clockMs: this.#clockMs,
      revision: maps.revision,
      compacted: maps.compacted,
      keys: maps.keys,
      leases: leases.size,
      sessions: sessions.size,
      watches: this.#watches.size,
      sizeBytes: this.sizeBytes,
      bytesMax: this.#bytesMax,
      sizes: Object.fromEntries(structures.map(({ name, sizeBytes }) => [name, sizeBytes])),
    };
  }

  /**
   * Changes of maps, from `fromRevision` on: each once, in order, without a gap. Throws `data.compacted` when history does not reach
   * back so far, and `data.too_many`. Gives what ends it. It is not ended by a `restore`, unless that leaves a gap.
   */
  watch(query: WatchQuery, listener: WatchListener): () => void {
    const { maps } = this.#state;
    const past = this.#eventsFrom(query, query.fromRevision ?? maps.revision + 1);
    if (past instanceof Failure) throw past;
    return this.#watches.add(query, past, listener);
  }

  /** A lock may have another holder, a queue something ready. Gives what ends it. */
  onChange(kind: ChangeKind, name: string, listener: () => void): () => void {
    return this.#changes.add(kind, name, listener);
  }

  /** The state at the time of the call, in pieces: commands may be applied while they are taken. The same state gives the same bytes. */
  snapshot(): Iterable<Uint8Array> {
    return writeFrames(
      captureState({ appliedIndex: this.#appliedIndex, clockMs: this.#clockMs }, this.#state.structures),
    );
  }

  /** All or nothing: fails with `data.snapshot` and leaves the state as it was. The pieces may be cut anywhere. */
  restore(pieces: Iterable<Uint8Array>): void {
    const state = this.#newState();
    const { appliedIndex, clockMs } = restoreState(readFrames(pieces), state.structures);
    const seen = this.#state.maps.revision;
    this.#state = state;
    this.#appliedIndex = appliedIndex;
    this.#clockMs = clockMs;
    this.#watches.resume((filter) => this.#eventsFrom(filter, seen + 1));
    this.#changes.noteAll();
  }

  /** Two nodes that have applied the same entries have the same. Reads everything: for tests and checks. */
  digest(): string {
    const hash = createHash("sha256");
    for (const piece of this.snapshot()) hash.update(piece);
    return hash.digest("hex");
  }

  #newState(): State {
    const { historyEventsMax = HISTORY_EVENTS_MAX, historyBytesMax = HISTORY_BYTES_MAX, sessions = {} } = this.#options;
    return new State({
      bytesMax: this.#bytesMax,
      history: { eventsMax: historyEventsMax, bytesMax: Math.min(historyBytesMax, this.#bytesMax * HISTORY_SHARE) },
      sessions,
      mapsChanged: (changes) => {
        for (const { event } of changes) this.#watches.push(event);
      },
      lockChanged: (lock) => this.#changes.note("lock", lock),
      queueChanged: (queue) => this.#changes.note("queue", queue),
    });
  }

  #decode(data: Uint8Array): MarkedCommand | Outcome {
    try {
      return decodeCommand(data, this.#decoder);
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.code !== "data.malformed") throw thrown;
      return { ok: false, code: thrown.code, message: thrown.message, retryable: false };
    }
  }

  #applyOnce({ mark, command }: MarkedCommand, moment: Moment, sizeBytes: number): Outcome {
    const { sessions } = this.#state;
    const known = mark && sessions.begin(mark, moment);
    if (known !== undefined) return known;
    const outcome = this.#state.carryOut(command, moment, sizeBytes);
    if (mark !== undefined) sessions.keep(mark, outcome, moment);
    return outcome;
  }

  #eventsFrom(filter: EventFilter, fromRevision: number): readonly MapEvent[] | Failure {
    try {
      return this.#state.maps.events({ ...filter, fromRevision, limit: Number.POSITIVE_INFINITY }).events;
    } catch (thrown) {
      if (thrown instanceof Failure) return thrown;
      throw thrown;
    }
  }
}

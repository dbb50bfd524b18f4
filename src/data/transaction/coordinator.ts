/**
 * The coordinator's records: who takes part in a transaction, until when it may be decided, what was decided, and who has not carried
 * it out yet. The record is there before anybody prepares and stays until all have finished, so an id that is not known can have no
 * prepared part that was decided to commit: its answer is abort (presumed abort). How they ended is remembered for a while after that.
 */
import { type Due, DueHeap } from "../structure/index.ts";
import {
  type Answer,
  type Command,
  type Decision,
  type DistributedReply,
  done,
  type Moment,
  RECORD_BYTES,
  type Refused,
  refused,
} from "../words/index.ts";
import { Memory } from "./memory.ts";

type Begin = Extract<Command, { type: "distributed.begin" }>;
type Decide = Extract<Command, { type: "distributed.decide" }>;
type Finished = Extract<Command, { type: "distributed.finished" }>;

export interface Verdict {
  readonly decision: Decision;
  readonly atMs: number;
}

export interface CoordinatorRecord extends Due {
  readonly id: string;
  readonly participants: readonly string[];
  /** Undecided by then, it is aborted. */
  readonly dueMs: number;
  verdict: Verdict | undefined;
  readonly unfinished: Set<string>;
}

/** A decision that has not reached everybody. */
export interface Unfinished {
  readonly id: string;
  readonly decision: Decision;
  readonly groups: readonly string[];
}

export interface CoordinatorBounds {
  readonly recordsMax: number;
  readonly rememberedMax: number;
}

export class Coordinator {
  readonly #bounds: CoordinatorBounds;
  readonly records = new Map<string, CoordinatorRecord>();
  readonly memory = new Memory();
  readonly #deadlines = new DueHeap<CoordinatorRecord>();
  #order = 0;
  #sizeBytes = 0;

  constructor(bounds: CoordinatorBounds) {
    this.#bounds = bounds;
  }

  get sizeBytes(): number {
    return this.#sizeBytes + this.memory.sizeBytes;
  }

  get nextDueMs(): number | undefined {
    return this.#deadlines.first?.dueMs;
  }

  advance({ nowMs }: Moment): void {
    this.memory.forget(nowMs);
    for (let record = this.#deadlines.take(nowMs); record !== undefined; record = this.#deadlines.take(nowMs)) {
      record.verdict = { decision: "abort", atMs: nowMs };
    }
  }

  begin({ id, participants, timeoutMs }: Begin, { nowMs }: Moment): Answer<DistributedReply> {
    const known = this.records.get(id);
    const isSame = known === undefined || isSameList(known.participants, participants);
    if (!isSame || new Set(participants).size < participants.length) return illBegun(id, participants);
    if (known !== undefined) return done(known.verdict ? decided(id, known.verdict.decision) : { id, state: "begun" });
    const ended = this.memory.get(id);
    if (ended !== undefined) return done(decided(id, ended));
    const refusal = this.#full(id);
    if (refusal !== undefined) return refusal;
    this.add({ id, participants, dueMs: nowMs + timeoutMs, verdict: undefined, unfinished: new Set(participants) });
    return done({ id, state: "begun" });
  }

  /** `unknown`: not under way, and not remembered; whoever asks for a part that is prepared may abort it. */
  decide({ id, decision }: Decide, { nowMs }: Moment): Answer<DistributedReply> {
    const record = this.records.get(id);
    if (record === undefined) {
      const ended = this.memory.get(id);
      return done(ended === undefined ? { id, state: "unknown", decision: "abort" } : decided(id, ended));
    }
    if (record.verdict === undefined) {
      record.verdict = { decision, atMs: nowMs };
      this.#deadlines.remove(record);
    }
    return done(decided(id, record.verdict.decision));
  }

  finished({ id, participant }: Finished, { nowMs }: Moment): Answer<DistributedReply> {
    const record = this.records.get(id);
    if (record === undefined) {
      const ended = this.memory.get(id);
      return done(ended === undefined ? { id, state: "unknown" } : { id, state: "finished", decision: ended });
    }
    if (record.verdict === undefined) return undecided(id, participant);
    const { decision } = record.verdict;
    record.unfinished.delete(participant);
    if (record.unfinished.size === 0) {
      this.records.delete(id);
      this.#sizeBytes -= recordBytes(record);
      this.memory.add({ id, decision, atMs: nowMs });
    }
    return done({ id, state: "finished", decision });
  }

  /** Decided so long ago and not finished: somebody has to tell those who have not carried it out. */
  due(nowMs: number, afterMs: number): Unfinished[] {
    const due: Unfinished[] = [];
    for (const { id, verdict, unfinished } of this.records.values()) {
      if (verdict === undefined || verdict.atMs + afterMs > nowMs) continue;
      due.push({ id, decision: verdict.decision, groups: [...unfinished] });
    }
    return due;
  }

  add(record: Omit<CoordinatorRecord, "order" | "place">): void {
    const kept = { ...record, order: ++this.#order, place: -1 };
    this.records.set(record.id, kept);
    this.#sizeBytes += recordBytes(kept);
    if (record.verdict === undefined) this.#deadlines.add(kept);
  }

  /** Each record is one to remember later. */
  #full(id: string): Refused | undefined {
    const { recordsMax, rememberedMax } = this.#bounds;
    const { size } = this.records;
    if (size >= recordsMax) {
      return refused(
        "data.full",
        `beginning transaction ${id}: ${size} are under way here, at most ${recordsMax} may be`,
        true,
      );
    }
    if (size + this.memory.size < rememberedMax) return undefined;
    return refused(
      "data.full",
      `beginning transaction ${id}: ${this.memory.size} that ended lately are remembered, at most ${rememberedMax} may be`,
      true,
    );
  }
}

export function decided(id: string, decision: Decision): DistributedReply {
  return { id, state: decision === "commit" ? "committed" : "aborted", decision };
}

function recordBytes({ id, participants }: CoordinatorRecord): number {
  return participants.reduce((bytes, name) => bytes + RECORD_BYTES + name.length, 2 * RECORD_BYTES + id.length);
}

function isSameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((each, at) => each === right[at]);
}

function illBegun(id: string, participants: readonly string[]): Refused {
  return refused(
    "data.distributed.participants",
    `beginning transaction ${id} with ${participants.join(", ")}: each one once is required, and the same ones under the same id`,
  );
}

function undecided(id: string, participant: string): Refused {
  return refused(
    "data.distributed.undecided",
    `finishing transaction ${id} for ${participant}: it is undecided, a decision is required first`,
  );
}

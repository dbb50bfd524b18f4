/**
 * The participant's side: parts that are prepared, with their keys kept from others until the decision comes. Once prepared, a part is
 * never given up here: only the coordinator's decision ends it. How transactions ended, refused ones too, is remembered for a while,
 * so that what comes twice is done once, and a part that comes behind its own abort is not prepared.
 */
import {
  type Answer,
  type Command,
  type Decision,
  type DistributedReply,
  done,
  type Moment,
  type Refused,
  refused,
} from "../words/index.ts";
import { decided } from "./coordinator.ts";
import { claimsOf, KeyLocks } from "./key-locks.ts";
import { Memory } from "./memory.ts";
import { type Part, type PartPorts, partBytes } from "./part.ts";

type Prepare = Extract<Command, { type: "distributed.prepare" }>;

export interface Prepared {
  readonly id: string;
  readonly coordinator: string;
  readonly part: Part;
  /** Undecided by then, the coordinator is to be asked. */
  readonly askMs: number;
}

/** A part that has waited long for its decision. */
export interface InDoubt {
  readonly id: string;
  readonly coordinator: string;
}

export interface ParticipantBounds {
  readonly preparedMax: number;
  readonly rememberedMax: number;
}

export class Participant {
  readonly #ports: Pick<PartPorts, "apply" | "evaluate">;
  readonly #bounds: ParticipantBounds;
  readonly prepared = new Map<string, Prepared>();
  readonly memory = new Memory();
  readonly locks = new KeyLocks();
  #sizeBytes = 0;

  constructor(ports: Pick<PartPorts, "apply" | "evaluate">, bounds: ParticipantBounds) {
    this.#ports = ports;
    this.#bounds = bounds;
  }

  get sizeBytes(): number {
    return this.#sizeBytes + this.memory.sizeBytes;
  }

  /** The first answer stands: a refused part stays refused under its id. */
  prepare({ id, coordinator, part, timeoutMs }: Prepare, moment: Moment): Answer<DistributedReply> {
    const ended = this.memory.get(id);
    if (ended !== undefined) return done(decided(id, ended));
    if (this.prepared.has(id)) return done({ id, state: "prepared" });
    const full = this.#full("preparing", id);
    if (full !== undefined) return full;
    const refusal = leased(part) ?? this.#locked(part) ?? this.#ports.evaluate(part, moment);
    if (refusal !== undefined) {
      this.#end(id, "abort", moment);
      return done({ id, state: "refused", reason: refusal.message, retryable: refusal.retryable });
    }
    this.add({ id, coordinator, part, askMs: moment.nowMs + timeoutMs });
    return done({ id, state: "prepared" });
  }

  /** `unknown`: it was carried out so long ago that it is forgotten (nothing else lets a prepared part go). */
  commit(id: string, moment: Moment): Answer<DistributedReply> {
    const prepared = this.prepared.get(id);
    if (prepared === undefined) {
      const ended = this.memory.get(id);
      return done(ended === undefined ? { id, state: "unknown" } : decided(id, ended));
    }
    this.#remove(prepared);
    const replies = this.#ports.apply(prepared.part, moment);
    this.#end(id, "commit", moment);
    return done({ ...decided(id, "commit"), replies });
  }

  abort(id: string, moment: Moment): Answer<DistributedReply> {
    const prepared = this.prepared.get(id);
    const ended = this.memory.get(id);
    if (ended !== undefined) return done(decided(id, ended));
    const full = prepared === undefined ? this.#memoryFull("aborting", id) : undefined;
    if (full !== undefined) return full;
    if (prepared !== undefined) this.#remove(prepared);
    this.#end(id, "abort", moment);
    return done(decided(id, "abort"));
  }

  due(nowMs: number): InDoubt[] {
    const due: InDoubt[] = [];
    for (const { id, coordinator, askMs } of this.prepared.values()) if (askMs <= nowMs) due.push({ id, coordinator });
    return due;
  }

  add(prepared: Prepared): void {
    this.prepared.set(prepared.id, prepared);
    this.locks.take(claimsOf(prepared.part));
    this.#sizeBytes += preparedBytes(prepared);
  }

  #remove(prepared: Prepared): void {
    this.prepared.delete(prepared.id);
    this.locks.release(claimsOf(prepared.part));
    this.#sizeBytes -= preparedBytes(prepared);
  }

  #end(id: string, decision: Decision, { nowMs }: Moment): void {
    this.memory.add({ id, decision, atMs: nowMs });
  }

  #locked(part: Part): Refused | undefined {
    const conflict = this.locks.conflict(claimsOf(part));
    if (conflict === undefined) return undefined;
    return refused("data.locked", `${conflict} is locked by another transaction that is prepared`, true);
  }

  #full(doing: string, id: string): Refused | undefined {
    const { size } = this.prepared;
    const { preparedMax } = this.#bounds;
    if (size < preparedMax) return this.#memoryFull(doing, id);
    return refused(
      "data.full",
      `${doing} transaction ${id}: ${size} are prepared here, at most ${preparedMax} may be`,
      true,
    );
  }

  /** Each prepared part is one to remember later. */
  #memoryFull(doing: string, id: string): Refused | undefined {
    const { rememberedMax } = this.#bounds;
    if (this.prepared.size + this.memory.size < rememberedMax) return undefined;
    return refused(
      "data.full",
      `${doing} transaction ${id}: ${this.memory.size} that ended lately are remembered, at most ${rememberedMax} may be`,
      true,
    );
  }
}

/** The lease may be over when the decision comes, and then the part could not be carried out as it was promised. */
function leased({ then }: Part): Refused | undefined {
  const put = then.find((each) => each.type === "map.put" && each.lease !== undefined);
  if (put?.type !== "map.put") return undefined;
  return refused("data.distributed.lease", `key ${put.key} is put under lease ${put.lease}: no lease is required here`);
}

function preparedBytes({ id, coordinator, part }: Prepared): number {
  return partBytes(part) + id.length + coordinator.length;
}

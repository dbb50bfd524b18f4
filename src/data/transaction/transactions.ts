/**
 * Two-phase commit over several groups, as every node of a group keeps it: the coordinator's records and the participant's prepared
 * parts, as one structure of the state machine. It answers what others may not touch for now, and lists what a leader has to drive on.
 * Who sends the commands, and in which order, is the matter of `driver.ts`.
 */
import { firstNames } from "../structure/index.ts";
import type { Answer, Command, DistributedReply, Moment, Structure, TwoPhaseCommand } from "../words/index.ts";
import { Coordinator, type Unfinished } from "./coordinator.ts";
import type { Use } from "./key-locks.ts";
import { DISTRIBUTED_MAX, DRIVE_AFTER_MS, REMEMBERED_MAX } from "./limits.ts";
import type { PartPorts } from "./part.ts";
import { type InDoubt, Participant } from "./participant.ts";
import { copyOf, piecesOf, readInto } from "./snapshot.ts";
import { Turns } from "./turns.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;

export interface DistributedOptions {
  /** Records of this group as coordinator, and prepared parts as participant: as many each. */
  readonly transactionsMax?: number;
  readonly rememberedMax?: number;
}

/** What a leader has to drive on: see `recover`. */
export interface DueTransactions {
  /** This group is the coordinator: these have to hear the decision. */
  readonly unfinished: readonly Unfinished[];
  /** This group takes part: these have to ask their coordinators. */
  readonly inDoubt: readonly InDoubt[];
}

export interface DueOptions {
  /** Those decided so long ago; a new leader takes 0, for whoever drove them may have led before. */
  readonly afterMs?: number;
  /** Of whoever looks, the same ones at each look. */
  readonly turns?: Turns;
}

export interface DistributedView {
  readonly id: string;
  readonly side: "coordinator" | "participant";
  /** `committed` and `aborted`: not everywhere yet. */
  readonly state: "undecided" | "committed" | "aborted" | "prepared";
  /** Those that take part and have not finished, or the one that knows the decision. */
  readonly groups: readonly string[];
  /** Until it is aborted, or asked for; below 0 it is to be driven on. Undefined when it is decided. */
  readonly leftMs: number | undefined;
}

export class DistributedTransactions implements Structure {
  readonly name = "transactions";
  readonly #ports: PartPorts;
  readonly #transactionsMax: number;
  readonly #rememberedMax: number;
  #coordinator: Coordinator;
  #participant: Participant;

  constructor(ports: PartPorts, options: DistributedOptions = {}) {
    this.#ports = ports;
    this.#transactionsMax = options.transactionsMax ?? DISTRIBUTED_MAX;
    this.#rememberedMax = options.rememberedMax ?? REMEMBERED_MAX;
    ({ coordinator: this.#coordinator, participant: this.#participant } = this.#empty());
  }

  get sizeBytes(): number {
    return this.#coordinator.sizeBytes + this.#participant.sizeBytes;
  }

  /** Of undecided ones. What is forgotten by age needs no tick of its own. */
  get nextDueMs(): number | undefined {
    return this.#coordinator.nextDueMs;
  }

  advance(moment: Moment): void {
    this.#coordinator.advance(moment);
    this.#participant.memory.forget(moment.nowMs);
  }

  /** Any of its commands, by type. */
  apply(command: TwoPhaseCommand, moment: Moment): Answer<DistributedReply> {
    switch (command.type) {
      case "distributed.begin":
        return this.begin(command, moment);
      case "distributed.decide":
        return this.decide(command, moment);
      case "distributed.finished":
        return this.finished(command, moment);
      case "distributed.prepare":
        return this.prepare(command, moment);
      case "distributed.commit":
        return this.commit(command, moment);
      case "distributed.abort":
        return this.abort(command, moment);
    }
  }

  begin(command: Of<"distributed.begin">, moment: Moment): Answer<DistributedReply> {
    return this.#coordinator.begin(command, moment);
  }

  decide(command: Of<"distributed.decide">, moment: Moment): Answer<DistributedReply> {
    return this.#coordinator.decide(command, moment);
  }

  finished(command: Of<"distributed.finished">, moment: Moment): Answer<DistributedReply> {
    return this.#coordinator.finished(command, moment);
  }

  prepare(command: Of<"distributed.prepare">, moment: Moment): Answer<DistributedReply> {
    return this.#participant.prepare(command, moment);
  }

  commit({ id }: Of<"distributed.commit">, moment: Moment): Answer<DistributedReply> {
    return this.#participant.commit(id, moment);
  }

  abort({ id }: Of<"distributed.abort">, moment: Moment): Answer<DistributedReply> {
    return this.#participant.abort(id, moment);
  }

  /** Asked before each change: it costs nothing while nothing is prepared. */
  get hasLocks(): boolean {
    return this.#participant.prepared.size > 0;
  }

  /** A prepared part is in the way: others have to leave it alone until that is decided (`data.locked`); leases that end, too. */
  isLocked(map: string, key: string, use: Use = "write"): boolean {
    return this.hasLocks && this.#participant.locks.isMapKeyTaken(map, key, use);
  }

  isCounterLocked(counter: string, use: Use = "write"): boolean {
    return this.hasLocks && this.#participant.locks.isCounterTaken(counter, use);
  }

  /** A lock (of `data/lock`) that must not change hands now. */
  isPinned(lock: string): boolean {
    return this.hasLocks && this.#participant.locks.isLockPinned(lock);
  }

  /** As much as one look takes, in turns. */
  due(nowMs: number, { afterMs = DRIVE_AFTER_MS, turns = new Turns() }: DueOptions = {}): DueTransactions {
    const inDoubt = this.#participant.due(nowMs).map(({ coordinator, id }) => ({ id, groups: [coordinator] }));
    return {
      unfinished: turns.unfinished.take(this.#coordinator.due(nowMs, afterMs)),
      inDoubt: turns.inDoubt.take(inDoubt).map(({ groups, id }) => ({ id, coordinator: groups[0]! })), // one each
    };
  }

  /** Those under way, by id. */
  list(limit: number, nowMs: number, after?: string): DistributedView[] {
    const ids = new Set([...this.#coordinator.records.keys(), ...this.#participant.prepared.keys()]);
    return firstNames(ids, limit, after).flatMap((id) => this.show(id, nowMs));
  }

  /** None, or one for each side of it that is here. */
  show(id: string, nowMs: number): DistributedView[] {
    const views: DistributedView[] = [];
    const record = this.#coordinator.records.get(id);
    if (record !== undefined) {
      const { decision } = record.verdict ?? {};
      const state = decision === undefined ? "undecided" : decision === "commit" ? "committed" : "aborted";
      const leftMs = decision === undefined ? record.dueMs - nowMs : undefined;
      views.push({ id, side: "coordinator", state, groups: [...record.unfinished], leftMs });
    }
    const prepared = this.#participant.prepared.get(id);
    if (prepared !== undefined) {
      const { coordinator, askMs } = prepared;
      views.push({ id, side: "participant", state: "prepared", groups: [coordinator], leftMs: askMs - nowMs });
    }
    return views;
  }

  capture(): Iterable<unknown> {
    return piecesOf(copyOf(this.#coordinator, this.#participant), this.#ports);
  }

  restore(pieces: Iterable<unknown>): void {
    const sides = this.#empty();
    readInto(pieces, sides, this.#ports);
    this.#coordinator = sides.coordinator;
    this.#participant = sides.participant;
  }

  #empty(): { coordinator: Coordinator; participant: Participant } {
    const rememberedMax = this.#rememberedMax;
    return {
      coordinator: new Coordinator({ recordsMax: this.#transactionsMax, rememberedMax }),
      participant: new Participant(this.#ports, { preparedMax: this.#transactionsMax, rememberedMax }),
    };
  }
}

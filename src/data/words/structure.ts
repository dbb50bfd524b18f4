/** What a structure (maps, locks, queues, …) is to the state machine that holds them all. Deterministic: see `commands.ts`. */
import type { Refused } from "./outcome.ts";
import type { OperationReply } from "./replies.ts";

/** Of the command that is being applied. */
export interface Moment {
  /** On the group's clock, in ms: it only grows, and stands still while there is no leader. */
  readonly nowMs: number;
  /** Of the log; unique and rising: good for ids and tokens. */
  readonly index: number;
}

export interface Structure {
  /** The name of its section in snapshots. */
  readonly name: string;
  /** What is due by then happens (leases end, locks and visibility time out). Called before every command, with its moment. */
  advance(moment: Moment): void;
  /** When it wants `advance`, on the group's clock: the leader sees to a tick. */
  readonly nextDueMs: number | undefined;
  /** Of keys and values and what is kept about them, about: all structures share one bound. */
  readonly sizeBytes: number;
  /**
   * Its state in pieces of plain data (as `wire/codec` takes it), each at most some 100 KB. What is given is the state at the time of
   * the call, though commands are applied while the pieces are taken: the call itself must be quick (copy the index, not the values). So
   * it is no generator function: that would look at the state only when the first piece is taken. The same state gives the same pieces,
   * wherever it came from: sorted by name, and cut by what is in it and not by how it came to be.
   */
  capture(): Iterable<unknown>;
  /** Empties it and takes the pieces of a capture, in their order. Fails with `data.snapshot` on what no capture gives. */
  restore(pieces: Iterable<unknown>): void;
}

/** Of a structure whose operations may stand in transactions: maps, counters, queues. */
export interface Transactional<Operation> {
  /**
   * Would `run` carry all of them out, one behind the other, at this moment? Changes nothing. What it refuses refuses the whole
   * transaction, before anything of it has happened.
   */
  check(operations: readonly Operation[], moment: Moment): Refused | undefined;
  /**
   * Carries one out and gives its reply. It does not refuse: it was checked. A decided distributed transaction was checked when it was
   * prepared, so that `run` may come long after `check`, and passes a bound (of messages, of counters) that was reached meanwhile.
   */
  run(operation: Operation, moment: Moment): OperationReply;
}

/** What a structure (maps, locks, queues, …) is to the state machine that holds them all. Deterministic: see `commands.ts`. */

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
   * the call, though commands are applied while the pieces are taken: the call itself must be quick (copy the index, not the values).
   */
  capture(): Iterable<unknown>;
  /** Empties it and takes the pieces of a capture, in their order. Fails with `data.snapshot` on what no capture gives. */
  restore(pieces: Iterable<unknown>): void;
}

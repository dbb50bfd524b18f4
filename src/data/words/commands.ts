/**
 * The words of the replicated data: commands that change it, with what each answers. A command is applied by every node of a
 * group in the same order with the same outcome, so it holds all that decides it: no clock and no chance are asked. Times are
 * spans in ms, counted on the group's own clock, which only grows (see `data/machine`).
 */

/** Text stays text and bytes stay bytes. */
export type Value = string | Uint8Array;

/** What a transaction may do, and a single command: an operation on one key. */
export type MapOperation =
  | {
      readonly type: "map.put";
      readonly map: string;
      readonly key: string;
      readonly value: Value;
      readonly lease?: number | undefined;
    }
  | { readonly type: "map.delete"; readonly map: string; readonly key: string }
  /** All keys from `key` on, before `end` (none: to the map's end). */
  | { readonly type: "map.deleteRange"; readonly map: string; readonly key: string; readonly end?: string | undefined };

export type CounterOperation =
  | { readonly type: "counter.add"; readonly counter: string; readonly by: number }
  | { readonly type: "counter.set"; readonly counter: string; readonly to: number };

export interface EnqueueOperation {
  readonly type: "queue.enqueue";
  readonly queue: string;
  readonly values: readonly Value[];
  /** Not to be had before. */
  readonly delayMs?: number | undefined;
  /** A second message of this key within the queue's `dedupeMs` is the first one. Only with one value. */
  readonly dedupeKey?: string | undefined;
}

export type TransactionOperation =
  | MapOperation
  | CounterOperation
  | EnqueueOperation
  /** Answers with the entry, as it is at this point of the transaction. */
  | { readonly type: "map.get"; readonly map: string; readonly key: string };

/** Something that must hold. A key that is not there has revision 0 and version 0. */
export type Compare =
  | {
      readonly type: "value";
      readonly map: string;
      readonly key: string;
      readonly is: "=" | "!=" | "<" | ">";
      readonly value: Value;
    }
  /** `revision`: of its last change; `created`: of its first; `version`: how often it was put since. */
  | {
      readonly type: "revision" | "created" | "version";
      readonly map: string;
      readonly key: string;
      readonly is: "=" | "!=" | "<" | ">";
      readonly than: number;
    }
  | { readonly type: "exists" | "absent"; readonly map: string; readonly key: string }
  | { readonly type: "counter"; readonly counter: string; readonly is: "=" | "!=" | "<" | ">"; readonly than: number }
  /** The lock is held under this token: a holder that has lost it can change nothing any more. */
  | { readonly type: "lock"; readonly lock: string; readonly token: number };

export interface Transaction {
  readonly compare: readonly Compare[];
  readonly then: readonly TransactionOperation[];
  readonly else: readonly TransactionOperation[];
}

export interface QueueSettings {
  /** Deliveries of one message before it goes to the dead letters. */
  readonly deliveriesMax?: number | undefined;
  /** The queue that takes what was delivered too often; none: `NAME.dead`. */
  readonly deadLetter?: string | undefined;
  readonly dedupeMs?: number | undefined;
  readonly messagesMax?: number | undefined;
}

export type Command =
  | MapOperation
  | {
      /** Compare and swap: `value` undefined deletes. Exactly one of the expectations is given. */
      readonly type: "map.cas";
      readonly map: string;
      readonly key: string;
      readonly expect: { readonly value: Value } | { readonly revision: number } | { readonly absent: true };
      readonly value: Value | undefined;
      readonly lease?: number | undefined;
    }
  /** History before this revision goes; watches and reads of the past that need it are refused. */
  | { readonly type: "map.compact"; readonly revision: number }
  /** Keys put under a lease go with it. */
  | { readonly type: "lease.grant"; readonly ttlMs: number }
  | { readonly type: "lease.keep"; readonly lease: number }
  | { readonly type: "lease.revoke"; readonly lease: number }
  | CounterOperation
  | {
      /** Takes the lock, or a place in its line, or keeps what the holder has: asking again is asking the same. */
      readonly type: "lock.acquire";
      readonly lock: string;
      /** Who, unique; a person or a process. */
      readonly holder: string;
      /** Lock and place are gone when nobody has asked again for so long. */
      readonly ttlMs: number;
      /** False: refused at once when somebody else has it. */
      readonly waits: boolean;
    }
  | { readonly type: "lock.keep"; readonly lock: string; readonly holder: string; readonly token: number }
  /** Gives up the lock, or the place in its line. With a token only that grant. */
  | {
      readonly type: "lock.release";
      readonly lock: string;
      readonly holder: string;
      readonly token?: number | undefined;
    }
  | EnqueueOperation
  | {
      /** Hidden from others for `visibilityMs`: then it is to be had again. */
      readonly type: "queue.dequeue";
      readonly queue: string;
      readonly count: number;
      readonly visibilityMs: number;
      readonly consumer: string;
    }
  | { readonly type: "queue.ack"; readonly queue: string; readonly receipts: readonly Receipt[] }
  | {
      readonly type: "queue.nack";
      readonly queue: string;
      readonly receipts: readonly Receipt[];
      readonly delayMs?: number | undefined;
    }
  | {
      readonly type: "queue.extend";
      readonly queue: string;
      readonly receipts: readonly Receipt[];
      readonly visibilityMs: number;
    }
  | { readonly type: "queue.configure"; readonly queue: string; readonly settings: QueueSettings }
  | { readonly type: "queue.purge"; readonly queue: string }
  | { readonly type: "transaction"; readonly transaction: Transaction }
  | TwoPhaseCommand
  /** Time passes: what is due happens. Proposed by the leader. */
  | { readonly type: "tick" };

/** A delivery: of a message, the so many-eth time. An older one acknowledges nothing. */
export interface Receipt {
  readonly id: number;
  readonly delivery: number;
}

/**
 * Two-phase commit over several groups. The coordinator's group keeps the record and the decision; each participant's group
 * keeps its part, prepared, with its keys locked against others, until the decision reaches it.
 */
export type TwoPhaseCommand =
  | {
      readonly type: "distributed.begin";
      /** Unique for ever: made by the client. */
      readonly id: string;
      readonly participants: readonly string[];
      /** Undecided for so long, it is aborted. */
      readonly timeoutMs: number;
    }
  /** The first decision stands; a later, different one answers with the first. */
  | { readonly type: "distributed.decide"; readonly id: string; readonly decision: Decision }
  /** This participant has carried it out. When all have, the record goes. */
  | { readonly type: "distributed.finished"; readonly id: string; readonly participant: string }
  | {
      readonly type: "distributed.prepare";
      readonly id: string;
      /** The group that knows the decision. */
      readonly coordinator: string;
      readonly part: Pick<Transaction, "compare" | "then">;
      readonly timeoutMs: number;
    }
  | { readonly type: "distributed.commit"; readonly id: string }
  | { readonly type: "distributed.abort"; readonly id: string };

export type Decision = "commit" | "abort";

/** Sent again under the same session and sequence, a command is not applied again: its first answer is given once more. */
export interface SessionMark {
  readonly session: string;
  readonly sequence: number;
  /** Answers up to and with this sequence were received: they may be forgotten. */
  readonly received: number;
}

export interface MarkedCommand {
  readonly mark?: SessionMark | undefined;
  readonly command: Command;
}

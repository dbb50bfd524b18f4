/** The replicated state as one thing: the structures, how they lean on each other, and which command goes where. */
import { Counters } from "../counter/index.ts";
import { Leases } from "../lease/index.ts";
import { Locks } from "../lock/index.ts";
import { type Change, type HistoryBounds, Maps } from "../map/index.ts";
import { Queues } from "../queue/index.ts";
import { DistributedTransactions } from "../transaction/index.ts";
import {
  type Command,
  done,
  type Moment,
  type Outcome,
  refused,
  type Structure,
  type Transaction,
  type TransactionOperation,
} from "../words/index.ts";
import { Guard } from "./guard.ts";
import { Operations } from "./operations.ts";
import { partPorts } from "./parts.ts";
import { type SessionBounds, Sessions } from "./sessions.ts";

export interface StateOptions {
  readonly bytesMax: number;
  readonly history: HistoryBounds;
  readonly sessions: SessionBounds;
  readonly mapsChanged: (changes: readonly Change[]) => void;
  readonly lockChanged: (lock: string) => void;
  readonly queueChanged: (queue: string) => void;
}

const NOTHING = done(null);

export class State {
  readonly sessions: Sessions;
  readonly leases: Leases;
  readonly maps: Maps;
  readonly locks: Locks;
  readonly queues: Queues;
  readonly counters = new Counters();
  readonly distributed: DistributedTransactions;
  /** In the order in which they are captured and restored: keys find their leases. */
  readonly structures: readonly Structure[];
  readonly #bytesMax: number;
  readonly #guard: Guard;
  readonly #operations: Operations;

  constructor(options: StateOptions) {
    this.#operations = new Operations(this);
    this.distributed = new DistributedTransactions(partPorts(this.#operations));
    this.#bytesMax = options.bytesMax;
    this.sessions = new Sessions(options.sessions);
    this.leases = new Leases({
      remove: (keys) => this.maps.removeAll(keys),
      isPinned: (map, key) => this.distributed.isLocked(map, key, "write"),
    });
    this.maps = new Maps(this.leases, { history: options.history, changed: options.mapsChanged });
    this.locks = new Locks({ changed: options.lockChanged, isPinned: (lock) => this.distributed.isPinned(lock) });
    this.queues = new Queues({ changed: options.queueChanged });
    const { sessions, distributed, leases, maps, locks, queues, counters } = this;
    this.structures = [sessions, distributed, leases, maps, locks, queues, counters];
    this.#guard = new Guard(distributed, maps);
  }

  get sizeBytes(): number {
    let bytes = 0;
    for (const structure of this.structures) bytes += structure.sizeBytes;
    return bytes;
  }

  get nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const { nextDueMs } of this.structures) {
      if (nextDueMs !== undefined && (next === undefined || nextDueMs < next)) next = nextDueMs;
    }
    return next;
  }

  advance(moment: Moment): void {
    for (const structure of this.structures) structure.advance(moment);
  }

  /** `sizeBytes`: of the command as it was sent, which is about what it adds. */
  carryOut(command: Command, moment: Moment, sizeBytes: number): Outcome {
    if (this.sizeBytes + sizeBytes > this.#bytesMax && isAdding(command)) return this.#full(command);
    return this.#guard.ofCommand(command) ?? this.#dispatch(command, moment);
  }

  #full({ type }: Command): Outcome {
    const what = `${type}: the group holds about ${this.sizeBytes} bytes, at most ${this.#bytesMax} are kept`;
    return refused("data.full", `${what}; what deletes and acknowledges is taken`, true);
  }

  #dispatch(command: Command, moment: Moment): Outcome {
    switch (command.type) {
      case "map.put":
      case "map.delete":
      case "map.deleteRange":
        return this.maps.apply(command, moment);
      case "map.cas":
        return this.maps.cas(command);
      case "map.compact":
        return this.maps.compact(command.revision);
      case "lease.grant":
        return this.leases.grant(command.ttlMs, moment);
      case "lease.keep":
        return this.leases.keep(command.lease, moment);
      case "lease.revoke":
        return this.leases.revoke(command.lease);
      case "transaction":
        return this.#transact(command.transaction, moment);
      case "tick":
        return NOTHING;
      default:
        return this.#dispatchOther(command, moment);
    }
  }

  #dispatchOther(command: Other, moment: Moment): Outcome {
    switch (command.type) {
      case "counter.add":
        return this.counters.add(command, moment);
      case "counter.set":
        return this.counters.set(command, moment);
      case "lock.acquire":
        return this.locks.acquire(command, moment);
      case "lock.keep":
        return this.locks.keep(command, moment);
      case "lock.release":
        return this.locks.release(command, moment);
      case "queue.enqueue":
        return this.queues.enqueue(command, moment);
      case "queue.dequeue":
        return this.queues.dequeue(command, moment);
      case "queue.ack":
        return this.queues.ack(command, moment);
      case "queue.nack":
        return this.queues.nack(command, moment);
      case "queue.extend":
        return this.queues.extend(command, moment);
      case "queue.configure":
        return this.queues.configure(command, moment);
      case "queue.purge":
        return this.queues.purge(command, moment);
      default:
        return this.distributed.apply(command, moment);
    }
  }

  /** The branch that is not taken may be anything. */
  #transact({ compare, then, else: otherwise }: Transaction, moment: Moment): Outcome {
    const held = this.#guard.ofCompares(compare);
    if (held !== undefined) return held;
    const succeeded = this.#operations.failing(compare) === undefined;
    const operations = succeeded ? then : otherwise;
    const refusal = this.#guard.ofOperations(operations) ?? this.#operations.check(operations, moment);
    if (refusal !== undefined) return refusal;
    const replies = this.#operations.run(operations, moment);
    return done({ succeeded, revision: this.maps.revision, replies });
  }
}

type Other = Exclude<Command, { readonly type: `map.${string}` | `lease.${string}` | "transaction" | "tick" }>;

/** Locks, leases and decisions pass a full store: they have bounds of their own, and others wait for them. */
function isAdding(command: Command): boolean {
  switch (command.type) {
    case "map.put":
    case "queue.enqueue":
    case "counter.add":
    case "counter.set":
    case "queue.configure":
    case "distributed.begin":
      return true;
    case "map.cas":
      return command.value !== undefined;
    case "transaction":
      return command.transaction.then.some(isAddingOperation) || command.transaction.else.some(isAddingOperation);
    case "distributed.prepare":
      return command.part.then.some(isAddingOperation);
    default:
      return false;
  }
}

function isAddingOperation({ type }: TransactionOperation): boolean {
  return type !== "map.get" && type !== "map.delete" && type !== "map.deleteRange";
}

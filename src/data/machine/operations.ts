/**
 * Comparisons and operations over several structures: what local and distributed transactions are made of. Everything is checked before
 * anything is carried out, so that a transaction happens as a whole or not at all.
 */
import type { Counters } from "../counter/index.ts";
import type { Locks } from "../lock/index.ts";
import type { Maps } from "../map/index.ts";
import type { Queues } from "../queue/index.ts";
import {
  type Compare,
  type CounterOperation,
  compareValues,
  type EnqueueOperation,
  type MapOperation,
  type Moment,
  type OperationReply,
  type Refused,
  refused,
  type TransactionOperation,
  valueBytes,
} from "../words/index.ts";
import { TRANSACTION_READ_BYTES_MAX } from "./limits.ts";

export interface OperationTargets {
  readonly maps: Maps;
  readonly counters: Counters;
  readonly queues: Queues;
  readonly locks: Locks;
}

export class Operations {
  readonly #targets: OperationTargets;

  constructor(targets: OperationTargets) {
    this.#targets = targets;
  }

  /** The first one that does not hold; undefined when all do. */
  failing(compares: readonly Compare[]): Compare | undefined {
    return compares.find((compare) => !this.#holds(compare));
  }

  check(operations: readonly TransactionOperation[], moment: Moment): Refused | undefined {
    const onMaps: MapOperation[] = [];
    const onCounters: CounterOperation[] = [];
    const onQueues: EnqueueOperation[] = [];
    for (const operation of operations) {
      if (operation.type === "counter.add" || operation.type === "counter.set") onCounters.push(operation);
      else if (operation.type === "queue.enqueue") onQueues.push(operation);
      else if (operation.type !== "map.get") onMaps.push(operation);
    }
    const { maps, counters, queues } = this.#targets;
    const refusal = maps.check(onMaps, moment) ?? counters.check(onCounters, moment) ?? queues.check(onQueues, moment);
    return refusal ?? this.#checkReplies(operations);
  }

  /** Behind a good `check`. All changes of maps are one revision. */
  run(operations: readonly TransactionOperation[], moment: Moment): OperationReply[] {
    const replies = operations.map((operation) => this.#run(operation, moment));
    this.#targets.maps.seal();
    return replies;
  }

  /** Gets and deletes answer with entries. */
  #checkReplies(operations: readonly TransactionOperation[]): Refused | undefined {
    let bytes = 0;
    for (const operation of operations) {
      if (operation.type !== "map.get" && operation.type !== "map.delete") continue;
      const entry = this.#targets.maps.get(operation.map, operation.key);
      if (entry !== undefined) bytes += valueBytes(entry.value);
    }
    if (bytes <= TRANSACTION_READ_BYTES_MAX) return undefined;
    const what = `a transaction: its answers hold ${bytes} bytes of values, at most ${TRANSACTION_READ_BYTES_MAX} are sent`;
    return refused("data.too_large", what);
  }

  #run(operation: TransactionOperation, moment: Moment): OperationReply {
    const { maps, counters, queues } = this.#targets;
    switch (operation.type) {
      case "map.get":
        return { entry: maps.get(operation.map, operation.key) };
      case "counter.add":
      case "counter.set":
        return counters.run(operation, moment);
      case "queue.enqueue":
        return queues.run(operation, moment);
      default:
        return maps.run(operation, moment);
    }
  }

  #holds(compare: Compare): boolean {
    const { maps, counters, locks } = this.#targets;
    if (compare.type === "counter") return isSo(counters.get(compare.counter) - compare.than, compare.is);
    if (compare.type === "lock") return locks.isHeld(compare.lock, compare.token);
    const entry = maps.get(compare.map, compare.key);
    switch (compare.type) {
      case "exists":
        return entry !== undefined;
      case "absent":
        return entry === undefined;
      case "value":
        // What is not there has no value: it differs from each, and is on neither side of any.
        if (entry === undefined) return compare.is === "!=";
        return isSo(compareValues(entry.value, compare.value), compare.is);
      default:
        return isSo((entry?.[compare.type] ?? 0) - compare.than, compare.is);
    }
  }
}

/** `order`: below, at or above 0, as the left side is to the right one. */
function isSo(order: number, is: "=" | "!=" | "<" | ">"): boolean {
  if (is === "=") return order === 0;
  if (is === "!=") return order !== 0;
  return is === "<" ? order < 0 : order > 0;
}

/**
 * What a prepared distributed transaction has locked is left alone until that is decided: commands that would change it, and transactions
 * that compare with what it may change, are refused and may be tried again. Plain reads are not held up: they see what is there.
 */
import type { Maps } from "../map/index.ts";
import type { DistributedTransactions, Use } from "../transaction/index.ts";
import { type Command, type Compare, type Refused, refused, type TransactionOperation } from "../words/index.ts";

/** To look at is refused while another may change it; to change, while another relies on it. */
export type Holds = Pick<DistributedTransactions, "hasLocks" | "isCounterLocked" | "isLocked">;

export class Guard {
  readonly #holds: Holds;
  readonly #maps: Maps;

  constructor(holds: Holds, maps: Maps) {
    this.#holds = holds;
    this.#maps = maps;
  }

  /** Of a command by itself; transactions have their own. */
  ofCommand(command: Command): Refused | undefined {
    if (!this.#holds.hasLocks) return undefined;
    switch (command.type) {
      case "map.cas":
        return this.#ofKey(command.map, command.key, "write");
      case "map.put":
      case "map.delete":
      case "map.deleteRange":
      case "counter.add":
      case "counter.set":
        return this.#ofOperation(command);
      default:
        return undefined;
    }
  }

  ofCompares(compares: readonly Compare[]): Refused | undefined {
    return this.#holds.hasLocks ? firstOf(compares, (compare) => this.#ofCompare(compare)) : undefined;
  }

  ofOperations(operations: readonly TransactionOperation[]): Refused | undefined {
    return this.#holds.hasLocks ? firstOf(operations, (operation) => this.#ofOperation(operation)) : undefined;
  }

  #ofCompare(compare: Compare): Refused | undefined {
    if (compare.type === "lock") return undefined; // a lock does not change hands while another relies on it
    if (compare.type === "counter") return this.#ofCounter(compare.counter, "read");
    return this.#ofKey(compare.map, compare.key, "read");
  }

  #ofOperation(operation: TransactionOperation): Refused | undefined {
    switch (operation.type) {
      case "map.get":
        return this.#ofKey(operation.map, operation.key, "read");
      case "map.put":
      case "map.delete":
        return this.#ofKey(operation.map, operation.key, "write");
      case "map.deleteRange":
        return firstOf(this.#maps.keysOf(operation), ({ key }) => this.#ofKey(operation.map, key, "write"));
      case "counter.add":
      case "counter.set":
        return this.#ofCounter(operation.counter, "write");
      default:
        return undefined; // any number may enqueue
    }
  }

  #ofKey(map: string, key: string, use: Use): Refused | undefined {
    return this.#holds.isLocked(map, key, use) ? locked(`key ${key} of ${map}`) : undefined;
  }

  #ofCounter(counter: string, use: Use): Refused | undefined {
    return this.#holds.isCounterLocked(counter, use) ? locked(`counter ${counter}`) : undefined;
  }
}

function firstOf<Item>(items: Iterable<Item>, look: (item: Item) => Refused | undefined): Refused | undefined {
  for (const item of items) {
    const refusal = look(item);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function locked(what: string): Refused {
  return refused(
    "data.locked",
    `${what} is kept by a prepared distributed transaction: it must be decided first`,
    true,
  );
}

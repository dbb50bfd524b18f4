/** What programs have of the replicated data: maps, locks, queues, counters, leases, transactions, on whichever nodes answer. */
import type { CallOptions } from "../../wire/rpc/index.ts";
import { MAIN_GROUP } from "../contract/index.ts";
import type { LeaseReply } from "../words/index.ts";
import { Asker, type AskerPorts } from "./asker.ts";
import { type Calls, callsOf } from "./calls.ts";
import { Counter } from "./counter.ts";
import { type DistributedOptions, type DistributedTransaction, runDistributedTransaction } from "./distributed.ts";
import { Lock } from "./lock.ts";
import { Queue } from "./queue.ts";
import { StrongMap } from "./strong-map.ts";
import { TransactionBuilder } from "./transaction.ts";

export interface PlaceOptions {
  /** Which group keeps it; `main` unless told otherwise. */
  readonly group?: string;
}

export class DataClient {
  /** The contracts' methods as they are. */
  readonly calls: Calls;
  readonly #ports: AskerPorts;

  constructor(ports: AskerPorts) {
    this.#ports = ports;
    this.calls = callsOf(new Asker(ports));
  }

  map(name: string, { group = MAIN_GROUP }: PlaceOptions = {}): StrongMap {
    return new StrongMap(name, group, this.calls, this.#ports);
  }

  lock(name: string, { group = MAIN_GROUP }: PlaceOptions = {}): Lock {
    return new Lock(name, group, this.calls, this.#ports);
  }

  queue(name: string, { group = MAIN_GROUP }: PlaceOptions = {}): Queue {
    return new Queue(name, group, this.calls, this.#ports);
  }

  counter(name: string, { group = MAIN_GROUP }: PlaceOptions = {}): Counter {
    return new Counter(name, group, this.calls);
  }

  /** For keys that shall go when nobody keeps it any more. */
  async grantLease(ttlMs: number, { group = MAIN_GROUP, ...call }: PlaceOptions & CallOptions = {}): Promise<number> {
    return (await this.calls.lease.grant({ group, ttlMs }, call)).lease;
  }

  /** Fails with `data.lease_unknown` when it has ended. */
  keepLease(lease: number, { group = MAIN_GROUP, ...call }: PlaceOptions & CallOptions = {}): Promise<LeaseReply> {
    return this.calls.lease.keep({ group, lease }, call);
  }

  async revokeLease(lease: number, { group = MAIN_GROUP, ...call }: PlaceOptions & CallOptions = {}): Promise<void> {
    await this.calls.lease.revoke({ group, lease }, call);
  }

  /** On one group: `when` … `do` … `otherwise` … `run`. */
  transaction({ group = MAIN_GROUP }: PlaceOptions = {}): TransactionBuilder {
    return new TransactionBuilder(group, this.calls);
  }

  /** Over any groups: the function reads and writes, and is called again when others were faster. */
  distributedTransaction<T>(
    options: DistributedOptions,
    fn: (transaction: DistributedTransaction) => T | Promise<T>,
  ): Promise<T> {
    return runDistributedTransaction(this.calls, this.#ports, fn, options);
  }
}

/** All that a client can ask, typed by the contracts: what the structures stand on, and what is there for whoever wants less. */
import type { Client } from "../../wire/rpc/index.ts";
import {
  counterContract,
  leaseContract,
  lockContract,
  mapContract,
  queueContract,
  raftContract,
  txnContract,
} from "../contract/index.ts";
import type { Asker } from "./asker.ts";

export interface Calls {
  readonly map: Client<typeof mapContract.methods>;
  readonly lease: Client<typeof leaseContract.methods>;
  readonly lock: Client<typeof lockContract.methods>;
  readonly queue: Client<typeof queueContract.methods>;
  readonly counter: Client<typeof counterContract.methods>;
  readonly txn: Client<typeof txnContract.methods>;
  readonly raft: Client<typeof raftContract.methods>;
}

export function callsOf(asker: Asker): Calls {
  return {
    map: asker.client(mapContract),
    lease: asker.client(leaseContract),
    lock: asker.client(lockContract),
    queue: asker.client(queueContract),
    counter: asker.client(counterContract),
    txn: asker.client(txnContract),
    raft: asker.client(raftContract),
  };
}

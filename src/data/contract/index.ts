/** The service contracts of the replicated data, and how values are told in JSON. */
export { counterContract } from "./counter-contract.ts";
export {
  ANSWER_BYTES_MAX,
  DISTRIBUTED_TIMEOUT_MS_MAX,
  LISTED_MAX,
  LONG_POLL_MS_MAX,
} from "./limits.ts";
export { lockContract } from "./lock-contract.ts";
export { leaseContract, mapContract } from "./map-contract.ts";
export { queueContract } from "./queue-contract.ts";
export { CONFIG_MAP, raftContract } from "./raft-contract.ts";
export { fromWire, MAIN_GROUP, toWire, type WireValue } from "./schemas.ts";
export { txnContract } from "./txn-contract.ts";

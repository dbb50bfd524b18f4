/** Clients of the replicated data: each command once, whatever becomes of nodes and connections. */
export type { AskerPorts } from "./asker.ts";
export type { Calls } from "./calls.ts";
export { DataClient, type PlaceOptions } from "./client.ts";
export type { ConsumeOptions, Handler } from "./consumer.ts";
export type { Counter } from "./counter.ts";
export type { DistributedOptions, DistributedTransaction, MapPlace } from "./distributed.ts";
export type { HeldLock } from "./held-lock.ts";
export type { JsonEntry, JsonMap } from "./json-map.ts";
export { TIMEOUT_MS_DEFAULT, TTL_MS_DEFAULT, VISIBILITY_MS_DEFAULT } from "./limits.ts";
export type { AcquireOptions, Lock } from "./lock.ts";
export type {
  Consistency,
  Expectation,
  PutOptions,
  RangeOptions,
  ReadOptions,
  WatchOptions,
} from "./map-options.ts";
export type { Queue } from "./queue.ts";
export type { DequeueOptions, EnqueueOptions } from "./queue-options.ts";
export type { StrongMap } from "./strong-map.ts";
export { change, check, TransactionBuilder, toldOperation, toldPart } from "./transaction.ts";
export type { Way } from "./ways.ts";

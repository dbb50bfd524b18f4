/** What commands and queries answer. Plain data, on links and in JSON (where bytes are told as `{ base64 }`). */
import type { Decision, QueueSettings, Receipt, Value } from "./commands.ts";

export interface Entry {
  readonly key: string;
  readonly value: Value;
  /** Of its last change, of its first; one counter for all maps of the group. */
  readonly revision: number;
  readonly created: number;
  /** How often it was put since it was created. */
  readonly version: number;
  readonly lease?: number | undefined;
}

export interface MapReply {
  /** Of the group, after the command. */
  readonly revision: number;
  readonly previous?: Entry | undefined;
  readonly deleted?: number | undefined;
}

export type CasReply =
  | { readonly swapped: true; readonly revision: number }
  | { readonly swapped: false; readonly revision: number; readonly current: Entry | undefined };

export interface LeaseReply {
  readonly lease: number;
  readonly ttlMs: number;
}

export interface CounterReply {
  readonly value: number;
}

export type LockReply =
  | { readonly state: "held"; readonly token: number; readonly ttlMs: number }
  /** Whoever waits asks again before `ttlMs` have passed; `ahead` are before it, the holder among them. */
  | { readonly state: "waiting"; readonly ahead: number; readonly holder: string; readonly ttlMs: number }
  | { readonly state: "refused"; readonly holder: string }
  | { readonly state: "released" | "unknown" };

export interface Message extends Receipt {
  readonly value: Value;
  readonly enqueuedMs: number;
  /** Of a dead letter: the queue that it was delivered from too often, its id there, and how often. */
  readonly from?: { readonly queue: string; readonly id: number; readonly deliveries: number } | undefined;
}

export interface EnqueueReply {
  readonly ids: readonly number[];
  /** It was there already, by its dedupe key. */
  readonly isDuplicate?: boolean | undefined;
}

export interface DequeueReply {
  readonly messages: readonly Message[];
  /** When the next one will be to be had, on the group's clock; undefined when nothing is delayed or out. */
  readonly nextMs?: number | undefined;
  readonly nowMs: number;
}

export interface ReceiptsReply {
  /** Those that were good. */
  readonly done: readonly number[];
  readonly unknown: readonly number[];
}

export interface PurgeReply {
  /** Messages, delivered and delayed ones too. */
  readonly removed: number;
}

export type OperationReply = MapReply | CounterReply | EnqueueReply | { readonly entry: Entry | undefined };

export interface TransactionReply {
  readonly succeeded: boolean;
  readonly revision: number;
  readonly replies: readonly OperationReply[];
}

export interface DistributedReply {
  readonly id: string;
  readonly state: "begun" | "prepared" | "refused" | "committed" | "aborted" | "finished" | "unknown";
  readonly decision?: Decision | undefined;
  /** Why it was refused. */
  readonly reason?: string | undefined;
  /** Of a refusal: trying anew, under another id, can help. */
  readonly retryable?: boolean | undefined;
  /** Of a commit: what its operations answer. */
  readonly replies?: readonly OperationReply[] | undefined;
}

export interface QueueStats {
  readonly queue: string;
  readonly ready: number;
  readonly delayed: number;
  /** Delivered and not acknowledged yet. */
  readonly out: number;
  readonly enqueued: number;
  readonly acknowledged: number;
  readonly deadLettered: number;
  readonly settings: Required<QueueSettings>;
}

export interface LockView {
  readonly lock: string;
  readonly holder: string;
  readonly token: number;
  readonly ttlMs: number;
  /** First come, first. */
  readonly waiting: readonly string[];
}

export interface MapEvent {
  readonly type: "put" | "delete";
  readonly map: string;
  /** Of a delete: the entry as it was last. */
  readonly entry: Entry;
  readonly revision: number;
}

/** A refusal is an answer too, and the same on every node. */
export type Outcome =
  | { readonly ok: true; readonly reply: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly retryable: boolean };

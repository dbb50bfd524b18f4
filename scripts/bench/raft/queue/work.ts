/** What the queue benchmark asks of everybody. */
import type { Contestant } from "../contestant.ts";

export interface QueueWork {
  readonly messages: number;
  readonly sizeBytes: number;
  /** So many producers, each with one message under way, and so many messages being worked on. */
  readonly atOnce: number;
}

export interface QueueResult {
  /** Through the queue: sent, taken and acknowledged, each with the server's word. */
  readonly perSecond: number;
  /** Of sending, until it is acknowledged as durable. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Sent by producers, and done by consumers: all of them, each once. */
  readonly done: number;
}

export type QueueContestant = Contestant<QueueWork, QueueResult>;

/** What clients say to a queue and hear from it. */
import type { Operation } from "../operation.ts";

export type QueueInput =
  | { readonly kind: "enqueue"; readonly element: string }
  | { readonly kind: "dequeue" }
  /** `receipt`: which delivery of the element it is about, where the queue tells them apart. */
  | { readonly kind: "ack" | "nack"; readonly element: string; readonly receipt?: number };

/** enqueue: null. dequeue: the element with its receipt, or null when nothing was ready. ack, nack: whether the delivery still counted. */
export type QueueOutput = { readonly element: string; readonly receipt?: number } | boolean | null;

export type QueueOperation = Operation<QueueInput, QueueOutput>;

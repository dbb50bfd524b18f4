/** Durable first-in-first-out queues. */
export {
  DEDUPE_KEYS_MAX,
  DEDUPE_MS,
  DELIVERIES_MAX,
  DEQUEUE_BYTES_MAX,
  QUEUE_MESSAGES_CEILING,
  QUEUE_MESSAGES_MAX,
  QUEUES_MAX,
} from "./limits.ts";
export { type QueueOptions, Queues } from "./queues.ts";

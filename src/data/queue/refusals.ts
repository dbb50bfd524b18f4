/** What queues refuse, in words. */
import { type QueueSettings, type Refused, refused } from "../words/index.ts";
import { QUEUE_MESSAGES_CEILING } from "./limits.ts";

export function severalKeyed(queue: string, count: number): Refused {
  return refused(
    "data.queue.dedupe",
    `enqueueing into ${queue}: ${count} values have one dedupe key, exactly one value is required with a key`,
  );
}

export function tooManyMessages(queue: string, size: number, count: number, max: number): Refused {
  return refused(
    "data.full",
    `enqueueing ${count} into ${queue}: it holds ${size} messages, at most ${max} may be in it`,
    true,
  );
}

export function tooManyQueues(queue: string, max: number): Refused {
  return refused(
    "data.full",
    `making queue ${queue}: there are ${max} queues, which is the most; purged ones go`,
    true,
  );
}

export function tooManyKeys(queue: string, max: number): Refused {
  return refused("data.full", `enqueueing into ${queue}: it remembers ${max} dedupe keys, which is the most`, true);
}

export function illSet(queue: string, { deliveriesMax, dedupeMs, messagesMax }: QueueSettings): Refused {
  return refused(
    "data.queue.settings",
    `configuring queue ${queue}: deliveriesMax ${deliveriesMax}, dedupeMs ${dedupeMs}, messagesMax ${messagesMax}; ` +
      `whole numbers are required, from 1, from 0, and from 1 to ${QUEUE_MESSAGES_CEILING}`,
  );
}

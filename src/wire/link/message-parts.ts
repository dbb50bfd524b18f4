/** Elements of messages that have come, looked at before they are used. */
import { malformed } from "./failures.ts";
import { TOPIC_CHARS_MAX, TRACEPARENT_CHARS_MAX } from "./limits.ts";
import type { Message } from "./message.ts";

export function whole(message: Message, at: number): number {
  const value = message[at];
  if (Number.isInteger(value) && (value as number) >= 0) return value as number; // an integer is a number
  throw malformed(`element ${at} of a message of kind ${String(message[0])} is no whole number`);
}

export function topicAt(message: Message, at: number): string {
  const value = message[at];
  if (typeof value === "string" && value.length <= TOPIC_CHARS_MAX) return value;
  throw malformed(`a message of kind ${String(message[0])} has no topic`);
}

export function traceAt(message: Message, at: number): string | undefined {
  const value = message[at];
  if (value === undefined || (typeof value === "string" && value.length <= TRACEPARENT_CHARS_MAX)) return value;
  throw malformed("a traceparent is no text, or too long");
}

/** Outcomes as they are kept for sessions: how much they take, and how they stand in snapshots. */
import { listOf, pieceFault, textOf } from "../structure/index.ts";
import { type Outcome, RECORD_BYTES, refused } from "../words/index.ts";

/** About, and the same on every node. */
export function outcomeBytes(outcome: Outcome): number {
  return outcome.ok ? plainBytes(outcome.reply) : RECORD_BYTES + outcome.code.length + outcome.message.length;
}

export function writeOutcome(outcome: Outcome): unknown[] {
  return outcome.ok ? [outcome.reply] : [outcome.code, outcome.message, outcome.retryable];
}

export function readOutcome(value: unknown): Outcome {
  const fields = listOf(value, "an outcome");
  if (fields.length === 1) return { ok: true, reply: fields[0] };
  const [code, message, isRetryable] = listOf(value, "a refusal", 3);
  if (typeof isRetryable !== "boolean")
    throw pieceFault("whether a refusal is retryable", isRetryable, "true or false");
  return refused(textOf(code, "the code of a refusal"), textOf(message, "the message of a refusal"), isRetryable);
}

function plainBytes(value: unknown): number {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 8;
  let bytes = RECORD_BYTES;
  if (Array.isArray(value)) for (const each of value) bytes += plainBytes(each);
  else for (const key in value) bytes += plainBytes((value as Record<string, unknown>)[key]); // plain data, one of its keys
  return bytes;
}

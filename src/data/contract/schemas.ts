/**
 * What the contracts share: names, keys and values with their bounds, the session mark, entries as they are told. Text is told as
 * text, bytes as `{ base64 }`: JSON has no bytes. What comes in is checked here, so that nothing malformed gets as far as a log.
 */
import { z } from "zod";
import {
  KEY_CHARS_MAX,
  MESSAGES_AT_ONCE_MAX,
  NAME_CHARS_MAX,
  PRIVATE_PREFIX,
  TTL_MS_MAX,
  TTL_MS_MIN,
  VALUE_BYTES_MAX,
  type Value,
} from "../words/index.ts";
import { LISTED_MAX, LONG_POLL_MS_MAX } from "./limits.ts";

/** Whoever names none means this one; it is always there. */
export const MAIN_GROUP = "main";

const SESSION_CHARS_MAX = 64;
/** Four characters for three bytes, and the padding. */
const BASE64_CHARS_MAX = Math.ceil(VALUE_BYTES_MAX / 3) * 4;

export type WireValue = string | { readonly base64: string };

/** Half of a surrogate pair has no UTF-8: it would be changed on its way, and two keys could become one. */
export const wellFormed = z
  .string()
  .refine((text) => text.isWellFormed(), "half of a surrogate pair is in it; whole characters are required");

export const name = wellFormed
  .min(1)
  .max(NAME_CHARS_MAX)
  .refine((text) => !text.startsWith(PRIVATE_PREFIX), `names that begin with ${PRIVATE_PREFIX} are the program's own`);
export const key = wellFormed.min(1).max(KEY_CHARS_MAX);
/** Where a range begins or ends: all keys come after the empty one. */
export const bound = wellFormed.max(KEY_CHARS_MAX);
export const count = z.number().int().min(0);
export const wholeNumber = z.number().int();
export const ttlMs = z.number().int().min(TTL_MS_MIN).max(TTL_MS_MAX);
/** A delay may be none at all, a time to live may not. */
export const delayMs = z.number().int().min(0).max(TTL_MS_MAX);
export const waitMs = z.number().int().min(0).max(LONG_POLL_MS_MAX).default(0).describe("how long the answer may wait");

export const group = name.default(MAIN_GROUP).describe("the group that keeps it");

const text = wellFormed.refine(
  (value) => Buffer.byteLength(value) <= VALUE_BYTES_MAX,
  `at most ${VALUE_BYTES_MAX} bytes are taken`,
);
const bytes = z
  .strictObject({ base64: z.base64().max(BASE64_CHARS_MAX) })
  .refine(({ base64 }) => bytesOf(base64) <= VALUE_BYTES_MAX, `at most ${VALUE_BYTES_MAX} bytes are taken`);

/** As a caller writes it; the implementation gets text or bytes. */
export const value = z.union([text, bytes]).transform(fromWire);
/** As it is told. */
export const toldValue = z.union([z.string(), z.object({ base64: z.string() })]);

export const mark = z
  .strictObject({ session: wellFormed.min(1).max(SESSION_CHARS_MAX), sequence: count.min(1), received: count })
  .optional()
  .describe("sent again under the same session and sequence, it is not done again: the first answer comes once more");

/** Of every method that changes something. */
export const changes = { group, mark };

export const consistency = z
  .enum(["linearizable", "lease", "stale"])
  .default("linearizable")
  .describe("what the answer must have seen: all that was done before; the same as long as clocks are right; anything");

/** Of lists by name; the rest is had by asking for what is behind the last one. */
export const listed = {
  group,
  consistency,
  limit: z.number().int().min(1).max(LISTED_MAX).default(LISTED_MAX),
  after: name.optional(),
};

export const entry = z.object({
  key: z.string(),
  value: toldValue,
  revision: count,
  created: count,
  version: count,
  lease: count.optional(),
});

export const receipts = z
  .array(z.strictObject({ id: count, delivery: count }))
  .min(1)
  .max(MESSAGES_AT_ONCE_MAX)
  .readonly();

export const mapReply = z.object({
  revision: count,
  previous: entry.optional(),
  deleted: count.optional(),
});
export const counterReply = z.object({ value: wholeNumber });
export const enqueueReply = z.object({ ids: z.array(count).readonly(), isDuplicate: z.boolean().optional() });

export function toWire(value: Value): WireValue {
  return typeof value === "string" ? value : { base64: Buffer.from(value).toString("base64") };
}

export function fromWire(value: WireValue): Value {
  return typeof value === "string" ? value : new Uint8Array(Buffer.from(value.base64, "base64"));
}

function bytesOf(base64: string): number {
  return (base64.length / 4) * 3 - (base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0);
}

/** What a cache refuses to be asked: `cache.invalid`, with the value and what is required. */
import { Failure } from "../../base/errors.ts";
import { INVALIDATED_MAX, KEY_CHARS_MAX, TAG_CHARS_MAX, TAGS_MAX, TTL_MS_MAX } from "./limits.ts";
import type { CacheQuery, Invalidated } from "./types.ts";

export function requireQuery(key: string, { negativeTtlMs, tags = [], ttlMs }: CacheQuery): void {
  requireText("key", key, KEY_CHARS_MAX);
  requireTtl("ttlMs", ttlMs);
  if (negativeTtlMs !== undefined) requireTtl("negativeTtlMs", negativeTtlMs);
  if (tags.length > TAGS_MAX) throw invalid(`an entry has ${tags.length} tags; at most ${TAGS_MAX} are allowed`);
  for (const tag of tags) requireText("tag", tag, TAG_CHARS_MAX);
}

export function requireInvalidated({ keys = [], tags = [] }: Invalidated): void {
  const count = keys.length + tags.length;
  if (count < 1 || count > INVALIDATED_MAX) {
    throw invalid(`${count} keys and tags are to be invalidated; 1 to ${INVALIDATED_MAX} are required`);
  }
  for (const key of keys) requireText("key", key, KEY_CHARS_MAX);
  for (const tag of tags) requireText("tag", tag, TAG_CHARS_MAX);
}

function requireText(what: string, text: string, charsMax: number): void {
  if (text.length >= 1 && text.length <= charsMax) return;
  throw invalid(`a ${what} has ${text.length} characters; 1 to ${charsMax} are required`);
}

function requireTtl(what: string, ms: number): void {
  if (ms > 0 && ms <= TTL_MS_MAX) return;
  throw invalid(`${what} is ${ms}; milliseconds above 0 and at most ${TTL_MS_MAX} are required`);
}

function invalid(message: string): Failure {
  return new Failure("cache.invalid", `cache: ${message}`);
}

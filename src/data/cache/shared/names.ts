/** Names of keys and tags as Redis has them: short, and a key is never taken for a tag. */
import { createHash } from "node:crypto";
import { REMOTE_NAME_CHARS_MAX } from "../limits.ts";

export function keyName(key: string): string {
  return `k${short(key)}`;
}

export function tagName(tag: string): string {
  return `t${short(tag)}`;
}

/** Of one entry, in the order in which its stamp has them. */
export function namesOf(key: string, tags: readonly string[]): readonly string[] {
  return [keyName(key), ...tags.map(tagName)];
}

/** `=` before what is as it was, `#` before what is hashed: no key can look like the hash of another. */
function short(text: string): string {
  if (text.length <= REMOTE_NAME_CHARS_MAX) return `=${text}`;
  return `#${createHash("sha256").update(text).digest("base64url")}`;
}

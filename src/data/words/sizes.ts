/** How much memory things count for: one estimate for all structures, the same on every node. */
import type { Value } from "./commands.ts";

/** What an object with a few fields, and its places in lists and tables, takes besides its texts and bytes. */
export const RECORD_BYTES = 100;

/** Characters count as bytes: an estimate that costs nothing. */
export function valueBytes(value: Value): number {
  return value.length;
}

export function sameValue(left: Value, right: Value): boolean {
  if (typeof left === "string" || typeof right === "string") return left === right;
  return left.length === right.length && Buffer.compare(left, right) === 0;
}

/** Text is before bytes; text goes by UTF-16 code units, bytes by their numbers. */
export function compareValues(left: Value, right: Value): number {
  if (typeof left === "string") {
    if (typeof right !== "string") return -1;
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return typeof right === "string" ? 1 : Buffer.compare(left, right);
}

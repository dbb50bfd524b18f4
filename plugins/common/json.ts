/** JSON text to values without losing digits: integers that a double cannot hold become bigint. */
import type { Value } from "distributed-system";

const LONG_DIGITS = /\d{16}/; // fewer digits always fit; without such a run the plain parser does
const INTEGER = /^-?\d+$/;

/** Throws what JSON.parse throws. */
export function parseJson(text: string): Value {
  return LONG_DIGITS.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
}

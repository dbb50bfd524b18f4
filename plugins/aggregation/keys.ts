/**
 * Values as keys of maps: a primitive is its own key, so that grouping makes no strings; arrays and objects are keyed by their
 * JSON text behind a NUL (and a string that happens to begin with NUL gets a second one). A missing field is `undefined`,
 * a group of its own beside null. Keys have a text form with a type letter for snapshots.
 */
import type { Column, Value } from "distributed-system";
import { parseJson } from "../common/json.ts";

export type Key = string | number | bigint | boolean | null | undefined;

const NUL = "\u0000";
const DECODER = new TextDecoder();

export function keyAt(column: Column | undefined, row: number): Key {
  const text = column?.string(row);
  if (text !== undefined) return text.startsWith(NUL) ? NUL + text : text;
  const value = column?.get(row);
  if (typeof value === "object" && value !== null) return `${NUL}${DECODER.decode(column!.bytes(row))}`;
  return value;
}

/** The value again; undefined for a missing field. */
export function valueOfKey(key: Key): Value | undefined {
  if (typeof key !== "string" || !key.startsWith(NUL)) return key;
  return key.startsWith(NUL + NUL) ? key.slice(1) : parseJson(key.slice(1));
}

export function encodeKey(key: Key): string {
  if (key === undefined) return "u";
  if (key === null) return "z";
  if (typeof key === "string") return `s${key}`;
  return `${typeof key === "bigint" ? "i" : typeof key === "number" ? "n" : "b"}${key}`;
}

export function decodeKey(text: string): Key {
  const rest = text.slice(1);
  switch (text[0]) {
    case "u":
      return undefined;
    case "z":
      return null;
    case "i":
      return BigInt(rest);
    case "n":
      return Number(rest);
    case "b":
      return rest === "true";
    default:
      return rest;
  }
}

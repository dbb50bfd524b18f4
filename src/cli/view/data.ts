/** Entries, events and values of the replicated data for people: one line each. Pure. */
import { printable } from "../../base/printable.ts";

/** A value may be a whole file; a line shows how it begins. */
const VALUE_CHARS_MAX = 200;

interface Entry {
  readonly key: string;
  readonly value: string | Uint8Array;
}

export function valueText(value: string | Uint8Array): string {
  if (typeof value !== "string") return `${value.length} bytes`;
  return printable(value.length > VALUE_CHARS_MAX ? `${value.slice(0, VALUE_CHARS_MAX)}…` : value);
}

export function entryLine({ key, value }: Entry): string {
  return `${printable(key)}\t${valueText(value)}`;
}

export function eventLine({
  entry,
  map,
  revision,
  type,
}: {
  readonly type: string;
  readonly map: string;
  readonly revision: number;
  readonly entry: Entry;
}): string {
  const value = type === "put" ? `\t${valueText(entry.value)}` : "";
  return `${revision}\t${type}\t${printable(map)}\t${printable(entry.key)}${value}`;
}

/** The JSON text of a field's value, exactly as it came, as bytes: what is encrypted and what tokens are made of. */
import type { Column } from "distributed-system";

const ENCODER = new TextEncoder();

/** Undefined when the record lacks the field. */
export function jsonBytes(column: Column, row: number): Uint8Array | undefined {
  const text = column.string(row);
  if (text !== undefined) return ENCODER.encode(JSON.stringify(text));
  const bytes = column.bytes(row);
  if (column.type !== "bytes" || bytes === undefined || column.get(row) === null) return bytes;
  return ENCODER.encode(`"${Buffer.from(bytes).toString("base64")}"`); // as such a column is written to JSON
}

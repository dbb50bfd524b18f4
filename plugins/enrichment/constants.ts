/**
 * Constants: the same value in a field of every record. `3`, `true`, `null` are what JSON says they are; anything else is text,
 * and quotes force text ("3").
 */
import type { Batch, ColumnValues, Value } from "distributed-system";
import type { Faults } from "../common/faults.ts";
import { namedItems } from "../common/items.ts";

export interface Constant {
  apply(batch: Batch): void;
}

export function constants(text: string, faults: Faults): Constant[] {
  return namedItems("constants", text, faults).map(({ name, rest }) => {
    const value = scalar(rest);
    let column: ColumnValues = [];
    let length = -1;
    return {
      apply(batch) {
        if (batch.length !== length) {
          length = batch.length;
          column = fill(value, length);
        }
        batch.addColumn(name, column);
      },
    };
  });
}

function scalar(text: string): Value {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number") {
      return typeof value === "number" && String(value) !== text ? text : value; // 1.50 or a long number would change: text
    }
  } catch {
    // not JSON: the text itself is the value
  }
  return text;
}

function fill(value: Value, length: number): ColumnValues {
  if (typeof value === "number") return new Float64Array(length).fill(value);
  if (typeof value !== "string") return new Array<Value>(length).fill(value);
  const bytes = new TextEncoder().encode(value);
  const data = new Uint8Array(bytes.length * length);
  for (let row = 0; row < length; row++) data.set(bytes, row * bytes.length);
  return {
    type: "string",
    values: { offsets: Int32Array.from({ length: length + 1 }, (_unused, row) => row * bytes.length), data },
  };
}

/**
 * Writing results into a batch where some rows have none: those rows keep what they have, byte for byte. A whole column is
 * one cheap call; single cells are the way out when a column exists and only some of its rows change.
 */
import type { Batch, Value } from "distributed-system";

/** Sets the field where `values` has something; undefined leaves the row's field alone. */
export function writeValues(batch: Batch, name: string, values: readonly (Value | undefined)[]): void {
  if (isWhole(batch, name, values)) {
    batch.addColumn(name, values);
    return;
  }
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value !== undefined && batch.isLive(row)) batch.set(row, name, value);
  }
}

/** Sets the field where there is a finite number; NaN and infinities (JSON has neither) leave the row's field alone. */
export function writeNumbers(batch: Batch, name: string, numbers: Float64Array): void {
  let sum = 0;
  for (let row = 0; row < numbers.length; row++) sum += numbers[row]! * 0; // 0 unless one is NaN or infinite
  if (sum === 0) batch.addColumn(name, numbers);
  else
    writeValues(
      batch,
      name,
      Array.from(numbers, (number) => (Number.isFinite(number) ? number : undefined)),
    );
}

/** True when no row has something in the field that it must keep. */
function isWhole(batch: Batch, name: string, values: readonly (Value | undefined)[]): boolean {
  const column = batch.column(name);
  if (column === undefined) return true;
  for (let row = 0; row < values.length; row++) {
    if (values[row] === undefined && column.get(row) !== undefined && batch.isLive(row)) return false;
  }
  return true;
}

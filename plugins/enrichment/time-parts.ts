/** Parts of a time field as fields of their own, in UTC: `ordered_at` with `year;weekday` gives `ordered_at_year` and so on. */
import type { Batch } from "distributed-system";
import { writeNumbers } from "../common/columns.ts";
import type { Faults } from "../common/faults.ts";
import { DAY_MS, timeReader } from "../common/time.ts";

const DAY_OF_EPOCH = 3; // 1970-01-01 was a Thursday; Monday is 0

const PARTS: Readonly<Record<string, (ms: number) => number>> = {
  year: (ms) => new Date(ms).getUTCFullYear(),
  quarter: (ms) => Math.floor(new Date(ms).getUTCMonth() / 3) + 1,
  month: (ms) => new Date(ms).getUTCMonth() + 1,
  day: (ms) => new Date(ms).getUTCDate(),
  hour: (ms) => Math.floor(remainder(ms, DAY_MS) / 3_600_000),
  minute: (ms) => Math.floor(remainder(ms, 3_600_000) / 60_000),
  second: (ms) => Math.floor(remainder(ms, 60_000) / 1000),
  /** ISO 8601: Monday is 1, Sunday is 7. */
  weekday: (ms) => remainder(Math.floor(ms / DAY_MS) + DAY_OF_EPOCH, 7) + 1,
};

function remainder(value: number, divisor: number): number {
  return value - Math.floor(value / divisor) * divisor; // never negative, unlike %
}

export interface TimeParts {
  apply(batch: Batch): void;
}

export function timeParts(field: string, parts: readonly string[], unitMs: number, faults: Faults): TimeParts {
  const chosen = parts.flatMap((part) => {
    const compute = Object.hasOwn(PARTS, part) ? PARTS[part] : undefined;
    if (compute !== undefined) return [{ name: `${field}_${part}`, compute }];
    faults.add("time_parts", `"${part}" is no part; allowed: ${Object.keys(PARTS).join(", ")}`);
    return [];
  });
  return {
    apply(batch) {
      const column = batch.column(field);
      if (column === undefined) return;
      const timeAt = timeReader(column, unitMs);
      const times = new Float64Array(batch.length);
      for (let row = 0; row < times.length; row++) times[row] = timeAt(row);
      for (const { name, compute } of chosen) writeNumbers(batch, name, times.map(compute));
    },
  };
}

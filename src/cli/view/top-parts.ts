/** What the sections of `top` share: two looks, tables, rates. Pure. */
import type { Snapshot } from "../../app/overview/ask-overview.ts";
import { printable } from "../../base/printable.ts";
import { formatCount, formatDurationMs } from "../../base/units.ts";
import { textTable } from "./table.ts";

/** What is not known. */
const UNKNOWN = "–";

export interface Look {
  /** Rates are computed with it. */
  readonly before: Snapshot | undefined;
  readonly now: Snapshot;
  readonly elapsedMs: number;
}

/** Nothing for a table without rows. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0
    ? []
    : textTable(
        head,
        rows.map((row) => row.map(printable)),
      ).split("\n");
}

export function perSecond(rate: number | undefined): string {
  return rate === undefined ? UNKNOWN : `${formatCount(rate)}/s`;
}

export function duration(ms: number | undefined, otherwise: string): string {
  return ms === undefined ? otherwise : formatDurationMs(ms);
}

/** How outcomes are shown: a table, and below it each aim with what was reached. */
import { table } from "../common/table.ts";
import type { Outcome } from "./rounds.ts";

export interface Aim {
  readonly what: string;
  readonly reached: number;
  /** At least, or below. */
  readonly bound: number;
  readonly isUpper?: boolean;
  readonly unit?: string;
}

export function showRates(title: string, outcomes: readonly Outcome[], base: Outcome): void {
  const rows = outcomes.map((each) => [
    each.label,
    rate(each.perSecond),
    `${milliseconds(each.p50Ms)} / ${milliseconds(each.p99Ms)}`,
    each.microseconds.toFixed(1),
    `${Math.round(each.busy * 100)} %`,
    (each.perSecond / base.perSecond).toFixed(2),
    (base.microseconds / each.microseconds).toFixed(2),
    `${rate(Math.min(...each.runs))}–${rate(Math.max(...each.runs))}`,
  ]);
  const by = `÷ ${base.label}`;
  console.log(`${table([title, "req/s", "p50 / p99 ms", "CPU µs", "busy", by, "by CPU", "runs"], rows)}\n`);
}

/** The same aim twice: by requests a second, which needs processors of one's own, and by processor time, which does not. */
export function showRatio(what: string, own: Outcome, other: Outcome, bound: number): void {
  showAims([
    { what: `${what}, by requests a second`, reached: own.perSecond / other.perSecond, bound },
    { what: `${what}, by processor time`, reached: other.microseconds / own.microseconds, bound },
  ]);
}

export function showAims(aims: readonly Aim[]): void {
  for (const { bound, isUpper = false, reached, unit = "", what } of aims) {
    const isMet = isUpper ? reached < bound : reached >= bound;
    const word = isUpper ? "below" : "at least";
    console.log(`${isMet ? "reached" : "MISSED "}  ${what}: ${reached.toFixed(2)}${unit} (${word} ${bound}${unit})`);
  }
  console.log("");
}

export function rate(perSecond: number): string {
  return Math.round(perSecond).toLocaleString("en-US");
}

export function milliseconds(ms: number): string {
  return ms < 10 ? ms.toFixed(2) : ms.toFixed(0);
}

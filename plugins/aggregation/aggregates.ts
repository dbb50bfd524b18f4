/**
 * The functions of `aggregates=count;sum:amount;p99:amount;distinct:customer`. What several functions of one field need is
 * tracked once: sum, min, max and mean share one tracker, all quantiles another. A plan is the list of trackers that a group
 * keeps, and for each function how its result is read from them.
 */
import type { Batch, Column } from "distributed-system";
import type { Faults } from "../common/faults.ts";
import { cutAtColon, splitItems } from "../common/items.ts";
import { Distinct, type DistinctState } from "./distinct.ts";
import { keyAt } from "./keys.ts";
import { Moments, type MomentsState } from "./moments.ts";
import { Quantiles, type QuantilesState } from "./quantiles.ts";

export type Tracker = Moments | Quantiles | Distinct;

interface TrackerSpec {
  readonly kind: "moments" | "quantiles" | "distinct";
  readonly field: string;
}

export interface Group {
  rows: number;
  readonly trackers: readonly Tracker[];
}

interface Aggregate {
  /** Field of the summary: `count`, `sum_amount`, `p99_amount`. */
  readonly name: string;
  read(group: Group): number | null;
}

export interface Plan {
  readonly trackers: readonly TrackerSpec[];
  readonly aggregates: readonly Aggregate[];
}

const FUNCTIONS = "count, sum:FIELD, min:FIELD, max:FIELD, mean:FIELD, p0:FIELD to p99.999:FIELD, distinct:FIELD";

export function planAggregates(text: string, faults: Faults): Plan {
  const trackers: TrackerSpec[] = [];
  const slotOf = (kind: TrackerSpec["kind"], field: string): number => {
    const slot = trackers.findIndex((each) => each.kind === kind && each.field === field);
    return slot >= 0 ? slot : trackers.push({ kind, field }) - 1;
  };
  const items = splitItems(text);
  if (items.length === 0) faults.add("aggregates", `is empty; allowed: ${FUNCTIONS}`);
  const aggregates = items.flatMap((item) => faults.attempt("aggregates", () => planOne(item, slotOf)) ?? []);
  return { trackers, aggregates };
}

function planOne(item: string, slotOf: (kind: TrackerSpec["kind"], field: string) => number): Aggregate {
  const { name, rest } = cutAtColon(item);
  if (name === "count" && rest === undefined) return { name, read: (group) => group.rows };
  const field = rest?.trim() ?? "";
  const share = shareOf(name);
  const known = share !== undefined || ["sum", "min", "max", "mean", "distinct"].includes(name);
  if (!known || field === "") throw new Error(`"${item}" is no function of a field; allowed: ${FUNCTIONS}`);
  const result = `${name}_${field}`;
  if (share !== undefined) {
    const slot = slotOf("quantiles", field);
    return { name: result, read: (group) => (group.trackers[slot] as Quantiles).quantile(share) };
  }
  if (name === "distinct") {
    const slot = slotOf("distinct", field);
    return { name: result, read: (group) => (group.trackers[slot] as Distinct).count() };
  }
  const slot = slotOf("moments", field);
  const read = name as "sum" | "min" | "max" | "mean"; // checked above
  return { name: result, read: (group) => (group.trackers[slot] as Moments)[read]() };
}

/** 0.5 for p50, 0.999 for p99.9; undefined for any other name. */
function shareOf(name: string): number | undefined {
  const match = /^p(\d{1,2}(?:\.\d{1,3})?)$/.exec(name);
  return match === null ? undefined : Number(match[1]) / 100;
}

export function newTrackers(plan: Plan): Tracker[] {
  return plan.trackers.map(({ kind }) =>
    kind === "moments" ? new Moments() : kind === "quantiles" ? new Quantiles() : new Distinct(),
  );
}

/** Adds each row of the batch to its group; rows without a group are passed over. */
export function accumulate(plan: Plan, batch: Batch, groups: readonly (Group | undefined)[]): void {
  for (const group of groups) if (group !== undefined) group.rows++;
  plan.trackers.forEach(({ kind, field }, slot) => {
    const column = batch.column(field);
    if (column === undefined) return;
    if (kind === "distinct") addKeys(column, groups, slot);
    else addNumbers(column.numbers(), groups, slot);
  });
}

function addNumbers(numbers: Float64Array, groups: readonly (Group | undefined)[], slot: number): void {
  for (let row = 0; row < groups.length; row++) {
    const group = groups[row];
    if (group !== undefined) (group.trackers[slot] as Moments | Quantiles).add(numbers[row]!);
  }
}

function addKeys(column: Column, groups: readonly (Group | undefined)[], slot: number): void {
  for (let row = 0; row < groups.length; row++) {
    const group = groups[row];
    if (group !== undefined) (group.trackers[slot] as Distinct).add(keyAt(column, row));
  }
}

export function restoreTrackers(plan: Plan, states: readonly unknown[]): Tracker[] {
  return plan.trackers.map(({ kind }, slot) => {
    const state = states[slot]; // our own snapshot of the same plan, see Aggregator.restore
    if (kind === "moments") return Moments.restore(state as MomentsState | null);
    return kind === "quantiles" ? Quantiles.restore(state as QuantilesState) : Distinct.restore(state as DistinctState);
  });
}

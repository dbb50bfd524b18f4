/**
 * aggregation: groups records by fields over tumbling windows and appends a summary record for each group of a window that
 * closes: count, sum, min, max, mean, quantiles, distinct. The records themselves go on (pass) or not (replace). Its state is
 * part of the checkpoint.
 */
import { type Batch, definePlugin, type ParamValues, param, type Value } from "distributed-system";
import { Faults } from "../common/faults.ts";
import { timeReader } from "../common/time.ts";
import { planAggregates } from "./aggregates.ts";
import { Aggregator, type AggregatorOptions, type AggregatorState, tooManyGroups } from "./aggregator.ts";
import { valueOfKey } from "./keys.ts";
import type { Window } from "./window.ts";

const WINDOW_MS_MAX = 36_525 * 86_400_000; // a century: both ends of any window stay dates that can be written

const params = {
  group_by: param.list("fields whose values make a group: a;b; nothing for one group of all records", { default: [] }),
  aggregates: param.string("count;sum:FIELD;min:FIELD;max:FIELD;mean:FIELD;p50:FIELD;p99.9:FIELD;distinct:FIELD", {
    default: "count",
  }),
  window_count: param.integer("a window is so many records", { min: 1 }),
  window: param.duration("a window is so long in event time; needs time_field. Neither: one window, the whole input", {
    min: 1,
    max: WINDOW_MS_MAX,
  }),
  time_field: param.string("field with the event time: ISO 8601 text or a number since the epoch"),
  time_unit: param.choice("what numbers in time_field count", ["ms", "s"], { default: "ms" }),
  lateness: param.duration("how far behind the latest time seen a record may come and still be counted", {
    default: 0,
  }),
  on_late: param.choice(
    "records that come later still, or have no time: go on uncounted, are dropped, or rejected",
    ["keep", "drop", "reject"],
    { default: "keep" },
  ),
  mode: param.choice(
    "pass: records go on and summaries are added; replace: only summaries go on",
    ["pass", "replace"],
    { default: "pass" },
  ),
  max_groups: param.integer("most groups open at a time", { default: 100_000, min: 1 }),
  on_full: param.choice("a record that needs one group more: fails the batch, or is rejected", ["fail", "reject"], {
    default: "fail",
  }),
  summary_field: param.string("field of a summary that holds the stage's name; empty for none", { default: "summary" }),
};

type Values = ParamValues<typeof params>;

let aggregator: Aggregator | undefined;
let options: AggregatorOptions | undefined;

export default definePlugin({
  info: {
    name: "aggregation",
    version: "1.0.0",
    description: "Groups records over tumbling windows and appends a summary of each group",
  },
  params,
  check(values) {
    const faults = new Faults();
    readOptions(values, faults);
    return faults.list;
  },
  init(context) {
    const faults = new Faults();
    options = readOptions(context.params, faults);
    faults.throwFirst();
    aggregator = new Aggregator(options);
  },
  processBatch(batch, context) {
    const { closed, late, refused } = aggregator!.add(batch, timeOf(batch, context.params));
    for (const row of late) treatLate(batch, row, context.params);
    for (const row of refused) batch.reject(row, tooManyGroups(context.params.max_groups));
    if (context.params.mode === "replace") batch.filter(() => false);
    for (const window of closed) appendSummaries(batch, window, context.params, context.stage);
  },
  finish(batch, context) {
    for (const window of aggregator!.open()) appendSummaries(batch, window, context.params, context.stage);
  },
  snapshot() {
    return { ...aggregator!.snapshot() };
  },
  restore(snapshot) {
    aggregator!.restore(snapshot as unknown as AggregatorState); // what snapshot gave; restore checks its configuration
  },
  cleanup() {
    aggregator = undefined;
    options = undefined;
  },
});

function readOptions(values: Values, faults: Faults): AggregatorOptions {
  const { window_count: count, window, time_field: timeField } = values;
  if (count !== undefined && window !== undefined)
    faults.add("window_count", "is set, and so is window; only one of them is allowed");
  if (window !== undefined && timeField === undefined)
    faults.add("window", "is set without time_field; the field with the event time is required");
  if (values.lateness > 0 && window === undefined)
    faults.add("lateness", "is set without window; only windows by event time have late records");
  return {
    plan: planAggregates(values.aggregates, faults),
    groupBy: values.group_by,
    by: count !== undefined ? "count" : window !== undefined ? "time" : "all",
    size: count ?? window ?? Number.POSITIVE_INFINITY,
    latenessMs: values.lateness,
    groupsMax: values.max_groups,
    onFull: values.on_full,
  };
}

function timeOf(batch: Batch, values: Values): (row: number) => number {
  const column = values.time_field === undefined ? undefined : batch.column(values.time_field);
  return column === undefined ? () => Number.NaN : timeReader(column, values.time_unit === "s" ? 1000 : 1);
}

function treatLate(batch: Batch, row: number, values: Values): void {
  if (values.on_late === "drop") batch.drop(row);
  if (values.on_late === "reject") {
    batch.reject(row, `${values.time_field}: the record has no time there, or its window has closed already`);
  }
}

function appendSummaries(batch: Batch, window: Window, values: Values, stage: string): void {
  const { plan, groupBy } = options!;
  for (const group of window.groups) {
    const summary: Record<string, Value> = values.summary_field === "" ? {} : { [values.summary_field]: stage };
    describeWindow(summary, window);
    groupBy.forEach((field, at) => {
      const value = valueOfKey(group.keys[at]);
      if (value !== undefined) summary[field] = value;
    });
    for (const { name, read } of plan.aggregates) summary[name] = read(group);
    batch.append(summary);
  }
}

/** Both ends as times, or as record numbers with the end not included; nothing for the whole input. */
function describeWindow(summary: Record<string, Value>, { start }: Window): void {
  const { by, size } = options!;
  if (by === "all") return;
  summary.window_start = by === "time" ? new Date(start).toISOString() : start;
  summary.window_end = by === "time" ? new Date(start + size).toISOString() : start + size;
}

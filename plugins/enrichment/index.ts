/**
 * enrichment: adds to records: a factor on a number, constants, fields of a look-up table, parts of a time, computed fields, in
 * this order, so that each sees what came before. A record that lacks what a step needs keeps what it has.
 */
import { definePlugin, type ParamValues, param } from "distributed-system";
import { Faults } from "../common/faults.ts";
import { computeSteps, factorStep, type Step } from "./compute.ts";
import { constants } from "./constants.ts";
import { Lookup } from "./lookup.ts";
import { DECIMALS_MAX } from "./round.ts";
import { timeParts } from "./time-parts.ts";

const params = {
  factor: param.number("multiplies the numeric field"),
  field: param.string("the field that factor works on", { default: "amount" }),
  target: param.string("where the product goes; the same field when left out"),
  decimals: param.integer("rounds the product to so many decimals, half away from zero", { min: 0, max: DECIMALS_MAX }),
  constants: param.string("field:value;… for every record; values are JSON numbers, true, false, null, or text", {
    default: "",
  }),
  lookup: param.path("table to look records up in: .csv with a header, or .json with an array of objects"),
  lookup_key: param.string("the record's field that holds the key"),
  lookup_table_key: param.string("the table's column that holds the key; the same name as lookup_key when left out"),
  lookup_fields: param.string("columns to take, column:new_name to rename; all when left out", { default: "" }),
  on_missing: param.choice(
    "a record whose key is not in the table: fields are null, left alone, or the record is rejected",
    ["null", "skip", "reject"],
    { default: "null" },
  ),
  time_field: param.string("field with a time: ISO 8601 text or a number since the epoch"),
  time_parts: param.list(
    "parts of time_field that become fields TIME_FIELD_PART, in UTC: year;quarter;month;day;hour;minute;second;weekday; " +
      "year;month;hour;weekday when left out",
  ),
  time_unit: param.choice("what numbers in time_field count", ["ms", "s"], { default: "ms" }),
  compute: param.string('field:expression;… with + - * / %, parentheses, fields, numbers, "texts" and functions', {
    default: "",
  }),
};

const TIME_PARTS = ["year", "month", "hour", "weekday"]; // no default in `params`: check must see whether any were asked for

let steps: readonly Step[] = [];

export default definePlugin({
  info: {
    name: "enrichment",
    version: "1.0.0",
    description: "Adds factors, constants, look-ups, time parts and computed fields to records",
  },
  params,
  check(values) {
    const faults = new Faults();
    makeSteps(values, faults);
    return faults.list;
  },
  init(context) {
    const faults = new Faults();
    steps = makeSteps(context.params, faults);
    faults.throwFirst();
  },
  processBatch(batch) {
    for (const step of steps) step.apply(batch);
  },
  cleanup() {
    steps = [];
  },
});

type Values = ParamValues<typeof params>;

function makeSteps(values: Values, faults: Faults): Step[] {
  const steps: Step[] = [];
  if (values.factor !== undefined) {
    steps.push(factorStep(values.field, values.target ?? values.field, values.factor, values.decimals));
  }
  steps.push(...constants(values.constants, faults));
  const lookup = makeLookup(values, faults);
  if (lookup !== undefined) steps.push(lookup);
  if (values.time_field !== undefined) {
    const unitMs = values.time_unit === "s" ? 1000 : 1;
    steps.push(timeParts(values.time_field, values.time_parts ?? TIME_PARTS, unitMs, faults));
  } else if (values.time_parts !== undefined) {
    faults.add("time_parts", "is set without time_field; the field with the time is required");
  }
  return [...steps, ...computeSteps(values.compute, faults)];
}

function makeLookup(values: Values, faults: Faults): Lookup | undefined {
  const { lookup: file, lookup_key: key, lookup_table_key: tableKey, lookup_fields: fields } = values;
  if (file === undefined) {
    for (const [name, value] of Object.entries({
      lookup_key: key,
      lookup_table_key: tableKey,
      lookup_fields: fields,
    })) {
      if (value !== undefined && value !== "") faults.add(name, "is set without lookup; the table's file is required");
    }
    return undefined;
  }
  if (key === undefined) {
    faults.add("lookup", "is set without lookup_key; the record's field that holds the key is required");
    return undefined;
  }
  const tableKeyParam = tableKey === undefined ? "lookup_key" : "lookup_table_key";
  const onMissing = values.on_missing;
  return new Lookup({ file, key, tableKey: tableKey ?? key, tableKeyParam, fields, onMissing }, faults);
}

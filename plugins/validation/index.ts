/**
 * validation: finds records that break a JSON Schema or the quick rules given in parameters. Strict mode sends them to the dead
 * letters with the reasons; otherwise they go on, tagged. Valid records are not touched.
 */
import { definePlugin, type ParamValues, param } from "distributed-system";
import { Faults, messageOf } from "../common/faults.ts";
import { patternRules } from "./patterns.ts";
import { Reasons } from "./reasons.ts";
import { type Rule, rangeRules, requiredRule, typeRules } from "./rules.ts";
import { schemaRule } from "./schema.ts";

const params = {
  strict_mode: param.boolean("true rejects a bad record with the reasons, false tags it and lets it go on", {
    default: false,
  }),
  schema: param.path("JSON Schema 2020-12 file that each record must satisfy"),
  required: param.list("fields that must be there and not null: a;b", { default: [] }),
  types: param.string(
    "field:type;… of string, number, integer, boolean, datetime, array, object; ? behind the type allows null",
    { default: "" },
  ),
  ranges: param.string("field:min..max;… for numbers, both ends included, either may be left out", { default: "" }),
  patterns: param.string("field:regular expression;… for strings; write a semicolon in it as \\;", { default: "" }),
  tag_field: param.string("field that gets the array of reasons when strict_mode is false", { default: "_invalid" }),
};

let rules: readonly Rule[] = [];

export default definePlugin({
  info: {
    name: "validation",
    version: "1.0.0",
    description: "Checks records against a JSON Schema or quick rules; rejects or tags the bad ones",
  },
  params,
  async check(values) {
    const faults = new Faults();
    await compile(values, faults, () => {}); // slow patterns are legal: the run warns about them
    return faults.list;
  },
  async init({ params, log }) {
    const faults = new Faults();
    rules = await compile(params, faults, (message) => log.warn(message));
    faults.throwFirst();
    if (rules.length === 0) log.info("no schema and no rules given: every record is valid");
  },
  processBatch(batch, { params }) {
    const reasons = new Reasons();
    for (const rule of rules) rule.check(batch, reasons);
    for (const [row, found] of reasons.entries()) {
      if (params.strict_mode) batch.reject(row, found.join("; "));
      else batch.set(row, params.tag_field, [...found]);
    }
  },
  cleanup() {
    rules = [];
  },
});

async function compile(
  values: ParamValues<typeof params>,
  faults: Faults,
  warn: (message: string) => void,
): Promise<Rule[]> {
  const quick = [
    ...values.required.map(requiredRule),
    ...typeRules(values.types, faults),
    ...rangeRules(values.ranges, faults),
    ...patternRules(values.patterns, faults, warn),
  ];
  if (values.schema === undefined) return quick;
  try {
    return [...quick, await schemaRule(values.schema)];
  } catch (error) {
    faults.add("schema", messageOf(error));
    return quick;
  }
}

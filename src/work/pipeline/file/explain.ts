/** The text of `check --explain`, made from the same tables that the parser reads, so that it cannot fall behind them. */

import { DURATION_FORM, SIZE_FORM } from "../../../base/units.ts";
import type { ParamSchema } from "../../../sdk/index.ts";
import { entry, explainSchema, section, wrap } from "../../lines/index.ts";
import { reservedParams, textFields, valueFields } from "./fields.ts";
import { POLICY_PREAMBLE, policies } from "./policies.ts";
import { settingSchema } from "./settings.ts";

export interface ExplainedEnds {
  readonly sources: Readonly<Record<string, ParamSchema>>;
  readonly sinks: Readonly<Record<string, ParamSchema>>;
}

/** With the schemas of the ends, these are described too. */
export function explainPipelineFile(ends: ExplainedEnds = { sources: {}, sinks: {} }): string {
  const sections = [
    section("The pipeline file", INTRODUCTION),
    section("Example", EXAMPLE),
    section("Fields of a stage line", explainFields()),
    section("Parameters that the engine reads (any stage)", explainReserved()),
    section("Failover policies", explainPolicies()),
    section("Settings: set|key=value,…", explainSchema(settingSchema)),
    ...explainEnds("Sources", "source", ends.sources),
    ...explainEnds("Sinks", "sink", ends.sinks),
  ];
  return sections.join("\n");
}

const INTRODUCTION = [
  "UTF-8 text, one stage a line; a line that begins with # is a comment, blank lines are left out:",
  "  name|library|parameters|enabled|failover_policy|max_retries|timeout_ms",
  "Fields from parameters on may be empty or left out. Blanks around fields, keys and values do not count.",
  "In a value write \\| \\, \\= \\\\ for the character itself, and \\ before a blank that shall stay at either end;",
  "a backslash before any other character stands for itself. In a list, \\; is a semicolon inside an item.",
  "The source is the first line and the sink the last one: name|source:KIND|parameters, name|sink:KIND|parameters;",
  "--input and --output take their place. Settings stand on lines set|key=value,… anywhere.",
  `A time is ${DURATION_FORM}.`,
  `A size is ${SIZE_FORM}.`,
];

const EXAMPLE = [
  "  set|batch_rows=2000,lanes=2",
  "  orders|source:ndjson|path=config/sample/orders.ndjson",
  "  validation|./plugins/libvalidation.js|strict_mode=false|true|RETRY_WITH_BACKOFF|3|10000",
  "  enrichment|./plugins/libenrichment.js|factor=1.1|true|SKIP_AND_CONTINUE|2|5000",
  "  scoring|./scoring.ts|lanes=4,fallback=./scoring-simple.ts,fallback.base=1|true|FALLBACK|1|500ms",
  "  out|sink:ndjson|path=output/orders.ndjson",
];

function explainFields(): string[] {
  const texts = Object.entries(textFields).flatMap(([name, describe]) => entry(name, "", describe));
  return [...texts, ...explainSchema(valueFields)];
}

function explainReserved(): string[] {
  const rest = "parameter KEY of the fallback library";
  return [...explainSchema(reservedParams), ...entry("fallback.KEY", "text", rest)];
}

function explainPolicies(): string[] {
  return [...wrap(POLICY_PREAMBLE, "  "), ...Object.entries(policies).flatMap(([name, text]) => entry(name, "", text))];
}

function explainEnds(title: string, role: string, schemas: Readonly<Record<string, ParamSchema>>): string[] {
  return Object.entries(schemas).map(([kind, schema]) => section(`${title}: ${role}:${kind}`, explainSchema(schema)));
}

/** The seven fields of a stage line: one table that the parser and `check --explain` read. */
import { type ParamSpec, param } from "../../../sdk/index.ts";
import { type EngineParamName, engineSchema } from "./engine-params.ts";
import { policyNames } from "./policies.ts";
import type { FieldName } from "./types.ts";

export const fieldNames: readonly FieldName[] = [
  "name",
  "library",
  "parameters",
  "enabled",
  "failover_policy",
  "max_retries",
  "timeout_ms",
];

/** The fields that hold one value each, with their defaults; an empty field counts as left out. */
export const valueFields = {
  enabled: param.boolean("false leaves the line out, as a comment would", { default: true }),
  failover_policy: param.choice("what happens to a record that keeps failing", policyNames, {
    default: "RETRY_WITH_BACKOFF",
  }),
  max_retries: param.integer("tries after the first one, before the batch is halved", {
    default: 3,
    min: 0,
    max: 1000,
  }),
  timeout_ms: param.duration("longest time for one try; then the host is killed and the try has failed", {
    default: 10_000,
    min: 1,
    max: 24 * 3600 * 1000,
  }),
} as const;

/** The first three fields in words. */
export const textFields: Readonly<Record<"name" | "library" | "parameters", string>> = {
  name: "a letter or _, then letters, digits, _ . or -, at most 64 in all; no two alike",
  library: "a plugin file ending in .ts or .js, or source:KIND (first) or sink:KIND (last)",
  parameters: "key=value pairs separated by commas; may be empty",
};

/** Stage parameters that the engine reads and the plugin never sees. A plugin cannot declare these names. */
export const reservedParams: Readonly<Record<EngineParamName | "fallback", ParamSpec>> = {
  ...engineSchema,
  fallback: param.string(
    "library that the policy FALLBACK hands a poison record to; its own parameters are fallback.KEY=…",
    {
      min: 1,
    },
  ),
};

/** Parameters with this prefix belong to the fallback library. */
export const FALLBACK_PREFIX = "fallback.";

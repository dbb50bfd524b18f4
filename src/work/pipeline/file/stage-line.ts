/** One stage line: seven fields, the last four with defaults; the parameters that the engine reads are taken out. */
import {
  convertParams,
  convertValue,
  dropRepeated,
  type Line,
  type LineContext,
  MAX_NAME_LENGTH,
  type ParamText,
  type ParamValue,
  parseParams,
  quoted,
  type Span,
  textOf,
} from "../../lines/index.ts";
import { type EngineParams, engineParamConflicts, engineParamNames } from "./engine-params.ts";
import { FALLBACK_PREFIX, fieldNames, reservedParams, textFields, valueFields } from "./fields.ts";
import { checkLibrary } from "./library.ts";
import type { FailoverPolicy } from "./policies.ts";
import type { FallbackSpec, StageSpec } from "./types.ts";
import { columnsOf } from "./types.ts";

type ContextOf = (field: string) => LineContext;

export function parseStage(line: Line, spans: readonly Span[], contextOf: ContextOf): StageSpec {
  const name = parseName(line, spans, contextOf("name"));
  const library = textOf(line, spans[1]);
  checkLibrary(library, spans[1]?.start ?? line.text.length, contextOf("library"));
  const context = contextOf("parameters");
  const params = parseParams(spans[2] ?? { start: line.text.length, end: line.text.length }, context);
  const unique = dropRepeated(params, "parameters", context.faults);
  const policy = fieldValue("failover_policy", line, spans, contextOf) as FailoverPolicy; // the choices are the policies
  const extra = takeReserved(unique, policy, context);
  rejectExtraFields(line, spans, contextOf("timeout_ms"));
  return {
    name,
    library,
    params: unique.filter(({ key }) => !isReserved(key)),
    enabled: fieldValue("enabled", line, spans, contextOf) === true,
    policy,
    maxRetries: Number(fieldValue("max_retries", line, spans, contextOf)),
    timeoutMs: Number(fieldValue("timeout_ms", line, spans, contextOf)),
    ...extra,
    line: line.number,
    columns: columnsOf(spans, fieldNames),
  };
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

export function parseName(line: Line, spans: readonly Span[], context: LineContext): string {
  const name = textOf(line, spans[0]);
  if (NAME.test(name) && name.length <= MAX_NAME_LENGTH) return name;
  const message = name === "" ? "the line has no name" : `${quoted(name)} is not a name`;
  context.fault(spans[0]?.start ?? 0, { code: "pipeline.config.bad_name", message, allowed: textFields.name });
  return name;
}

/** The value of one of the last four fields; a wrong one is a fault and gives the default. */
export function fieldValue(
  field: keyof typeof valueFields,
  line: Line,
  spans: readonly Span[],
  contextOf: ContextOf,
): ParamValue {
  const spec = valueFields[field];
  const span = spans[fieldNames.indexOf(field)];
  const text = textOf(line, span);
  if (span === undefined || text === "") return spec.default;
  const result = convertValue(text, spec, (path) => path);
  if ("value" in result) return result.value;
  const message = text.includes("#")
    ? `${result.fault.message} (a comment needs a line of its own)`
    : result.fault.message;
  contextOf(field).fault(span.start, { ...result.fault, message });
  return spec.default;
}

export function rejectExtraFields(line: Line, spans: readonly Span[], context: LineContext): void {
  const extra = spans[fieldNames.length];
  if (extra === undefined) return;
  const message = `the line has ${spans.length} fields`;
  const allowed = `at most ${fieldNames.length}: ${fieldNames.join("|")}; write \\| for a | inside a value`;
  context.fault(
    Math.min(extra.start, line.text.length),
    { code: "pipeline.config.too_many_fields", message, allowed },
    "line",
  );
}

function isReserved(key: string): boolean {
  return Object.hasOwn(reservedParams, key) || key.startsWith(FALLBACK_PREFIX);
}

function takeReserved(
  params: readonly ParamText[],
  policy: FailoverPolicy,
  context: LineContext,
): { engine: Partial<EngineParams>; fallback?: FallbackSpec } {
  const { line } = context;
  const own = params.filter(({ key }) => Object.hasOwn(reservedParams, key));
  const place = { file: "", line: line.number, column: 1, field: "parameters", owner: "the engine" };
  const { values, faults } = convertParams(own, reservedParams, (path) => path, place);
  context.faults.addAll(faults);
  const engine = pickEngineParams(values);
  for (const { name, ...conflict } of engineParamConflicts(engine)) {
    const at = own.find(({ key }) => key === name)?.valueColumn ?? 1;
    context.fault(at - 1, { code: "pipeline.config.conflict", ...conflict }, `parameters.${name}`);
  }
  const fallback = takeFallback(params, policy, context);
  return { engine, ...(fallback && { fallback }) };
}

function pickEngineParams(values: Readonly<Record<string, ParamValue>>): Partial<EngineParams> {
  const written = engineParamNames.filter((name) => values[name] !== undefined);
  return Object.fromEntries(written.map((name) => [name, values[name]])); // converted by the schema that types them
}

function takeFallback(
  params: readonly ParamText[],
  policy: FailoverPolicy,
  context: LineContext,
): FallbackSpec | undefined {
  const library = params.find(({ key }) => key === "fallback");
  const own = params.filter(({ key }) => key.startsWith(FALLBACK_PREFIX));
  const first = library ?? own[0];
  if (policy !== "FALLBACK") {
    if (first) {
      const message = `${quoted(first.key)} is used by the policy FALLBACK only, this stage has ${policy}`;
      const draft = {
        code: "pipeline.config.unused_fallback",
        message,
        allowed: "no fallback, or the policy FALLBACK",
      };
      context.fault(first.keyColumn - 1, draft, `parameters.${first.key}`);
    }
    return undefined;
  }
  if (library === undefined) {
    const message = "the policy FALLBACK needs the parameter fallback";
    const draft = { code: "pipeline.config.missing_fallback", message, allowed: "fallback=LIBRARY, a plugin file" };
    context.fault(context.line.text.length, draft, "parameters.fallback");
    return undefined;
  }
  if (library.value !== "")
    checkLibrary(library.value, library.valueColumn - 1, { ...context, field: "parameters.fallback" });
  const rest = own.map((param) => ({ ...param, key: param.key.slice(FALLBACK_PREFIX.length) }));
  return { library: library.value, params: rest };
}

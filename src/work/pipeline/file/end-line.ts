/** The line of a source or a sink: `name|source:KIND|parameters|enabled`. Failover fields mean nothing on it. */

import { dropRepeated, type Line, type LineContext, parseParams, type Span, textOf } from "../../lines/index.ts";
import { fieldNames } from "./fields.ts";
import { fieldValue, parseName, rejectExtraFields } from "./stage-line.ts";
import type { End, FieldName } from "./types.ts";
import { columnsOf } from "./types.ts";

const STAGE_ONLY: readonly FieldName[] = ["failover_policy", "max_retries", "timeout_ms"];

export function parseEnd(
  role: "source" | "sink",
  line: Line,
  spans: readonly Span[],
  context: LineContext,
): { end: End; enabled: boolean } {
  const contextOf = (field: string): LineContext => ({
    ...context,
    field,
    fault: (at, draft, name = field) => context.fault(at, draft, name),
  });
  const name = parseName(line, spans, contextOf("name"));
  const params = parseParams(spans[2] ?? { start: line.text.length, end: line.text.length }, context);
  const enabled = fieldValue("enabled", line, spans, contextOf) === true;
  rejectStageFields(role, line, spans, contextOf);
  rejectExtraFields(line, spans, context);
  const end = {
    name,
    kind: textOf(line, spans[1])
      .replace(/^[^:]*:/, "")
      .trim(),
    params: dropRepeated(params, "parameters", context.faults),
    line: line.number,
    columns: columnsOf(spans, fieldNames),
  };
  return { end, enabled };
}

function rejectStageFields(
  role: string,
  line: Line,
  spans: readonly Span[],
  contextOf: (field: string) => LineContext,
): void {
  for (const field of STAGE_ONLY) {
    const span = spans[fieldNames.indexOf(field)];
    if (span === undefined || textOf(line, span) === "") continue;
    const message = `a ${role} has no ${field}`;
    const draft = { code: "pipeline.config.field_not_for_ends", message, allowed: "nothing here; leave the field out" };
    contextOf(field).fault(span.start, draft);
  }
}

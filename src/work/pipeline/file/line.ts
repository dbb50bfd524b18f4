/** What stage, end and set lines have in common: texts of spans and the `key=value,…` list. */
import { type FaultCollector, type FaultDraft, quoted } from "./faults.ts";
import { type Span, splitOnce, splitSpans, unescapeSpan } from "./lexer.ts";
import type { FieldColumns, FieldName, ParamText } from "./types.ts";

export interface Line {
  readonly text: string;
  readonly number: number;
}

/** Where faults of a line go. `at` counts from 0, as spans do. */
export interface LineContext {
  readonly line: Line;
  readonly field: string;
  readonly faults: FaultCollector;
  fault(at: number, draft: FaultDraft, field?: string): void;
}

export function textOf(line: Line, span: Span | undefined): string {
  return span === undefined ? "" : unescapeSpan(line.text, span);
}

/** Columns of the fields that stand on the line. */
export function columnsOf(spans: readonly Span[], names: readonly FieldName[]): FieldColumns {
  const columns: Partial<Record<FieldName, number>> = {};
  names.forEach((name, index) => {
    const span = spans[index];
    if (span) columns[name] = span.start + 1;
  });
  return columns;
}

const PAIR_FORM = "key=value pairs separated by commas; write \\, \\= \\| or \\\\ for the character itself";

/** Every `key=value` of the span, without repeats; what is no pair is a fault. */
export function parseParams(span: Span, context: LineContext): ParamText[] {
  if (span.start === span.end) return [];
  const { line } = context;
  const params: ParamText[] = [];
  for (const pair of splitSpans(line.text, span, ",")) {
    const [keySpan, valueSpan] = splitOnce(line.text, pair, "=");
    const key = unescapeSpan(line.text, keySpan);
    if (valueSpan && key !== "") {
      const columns = { keyColumn: keySpan.start + 1, valueColumn: valueSpan.start + 1 };
      params.push({ key, value: unescapeSpan(line.text, valueSpan), line: line.number, ...columns });
      continue;
    }
    const message = pair.start === pair.end ? "nothing between two commas" : notAPair(key, valueSpan !== undefined);
    context.fault(pair.start, { code: "pipeline.config.not_a_pair", message, allowed: PAIR_FORM });
  }
  return params;
}

/** The params whose key comes first; repeats are faults. */
export function dropRepeated(params: readonly ParamText[], field: string, faults: FaultCollector): ParamText[] {
  const first = new Map<string, ParamText>();
  for (const param of params) {
    const before = first.get(param.key);
    if (before === undefined) {
      first.set(param.key, param);
      continue;
    }
    const where = before.line === param.line ? `column ${before.keyColumn}` : `line ${before.line}`;
    faults.add({ line: param.line, column: param.keyColumn }, `${field}.${param.key}`, {
      code: "pipeline.config.repeated_key",
      message: `${quoted(param.key)} is given twice, first at ${where}`,
      allowed: "each key once",
    });
  }
  return [...first.values()];
}

function notAPair(key: string, hasValue: boolean): string {
  return hasValue ? "a value without a key" : `${quoted(key)} has no value`;
}

/** What all lines have in common: texts of spans and the `key=value,…` list. */
import { type FaultCollector, type FaultDraft, quoted } from "./faults.ts";
import { type Span, splitOnce, splitSpans, unescapeSpan } from "./lexer.ts";
import { MAX_LINE_LENGTH } from "./limits.ts";

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

/** One `key=value`, unescaped, with the place where it stands. */
export interface ParamText {
  readonly key: string;
  readonly value: string;
  readonly line: number;
  readonly keyColumn: number;
  readonly valueColumn: number;
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
    context.fault(pair.start, { code: "not_a_pair", message, allowed: PAIR_FORM });
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
      code: "repeated_key",
      message: `${quoted(param.key)} is given twice, first at ${where}`,
      allowed: "each key once",
    });
  }
  return [...first.values()];
}

function notAPair(key: string, hasValue: boolean): string {
  return hasValue ? "a value without a key" : `${quoted(key)} has no value`;
}

/** The context of one field of a line. */
export function lineContext(line: Line, field: string, faults: FaultCollector): LineContext {
  return {
    line,
    field,
    faults,
    fault: (at, draft, name = field) => faults.add({ line: line.number, column: at + 1 }, name, draft),
  };
}

/** True for what a parser has to read: no blank line, no comment, not too long, no control characters; the last two are faults. */
export function isReadableLine(line: Line, whole: Span, faults: FaultCollector): boolean {
  const { text, number } = line;
  if (whole.start === whole.end || text[whole.start] === "#") return false;
  if (text.length > MAX_LINE_LENGTH) {
    const message = `the line has ${text.length} characters`;
    const allowed = `at most ${MAX_LINE_LENGTH} characters`;
    faults.add({ line: number, column: 1 }, "file", { code: "line_too_long", message, allowed });
    return false;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  const control = text.search(/[\u0000-\u0008\u000a-\u001f\u007f]/);
  if (control < 0) return true;
  const message = `control character ${quoted(text.charAt(control))} in the line`;
  const draft = { code: "control_character", message, allowed: "printable characters and tabs" };
  faults.add({ line: number, column: control + 1 }, "file", draft);
  return false;
}

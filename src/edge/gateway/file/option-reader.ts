/** The options of any line: `key=value,…` under a schema, and options with a name behind a dot (`header.x-env=canary`). */
import { nearMiss } from "../../../base/near-miss.ts";
import type { ParamSchema } from "../../../sdk/index.ts";
import {
  convertParams,
  convertValue,
  dropRepeated,
  type FaultDraft,
  type LineContext,
  type ParamText,
  type ParamValue,
  parseParams,
  quoted,
  type ResolvePath,
  type Span,
  textOf,
} from "../../../work/lines/index.ts";

export const FAMILY = "gateway.config";

export interface Options {
  /** What the schema makes of them, defaults filled in. */
  readonly values: Readonly<Record<string, ParamValue>>;
  /** Those with a name behind a dot: by what stands before it, the name as key. */
  readonly named: ReadonlyMap<string, readonly ParamText[]>;
  /** As written, for faults found later. */
  readonly texts: readonly ParamText[];
}

export interface OptionSchema {
  readonly schema: ParamSchema;
  readonly named: readonly string[];
  readonly resolvePath: ResolvePath;
  readonly file: string;
  readonly owner: string;
}

/** An absent span reads as no options. */
export function readOptions(span: Span | undefined, wanted: OptionSchema, context: LineContext): Options {
  const { line } = context;
  const texts = dropRepeated(parseParams(span ?? endOf(line.text), context), context.field, context.faults);
  const named = new Map<string, ParamText[]>(wanted.named.map((prefix) => [prefix, []]));
  const plain: ParamText[] = [];
  for (const text of texts) {
    const dot = text.key.indexOf(".");
    const prefix = dot < 0 ? "" : text.key.slice(0, dot);
    const list = named.get(prefix);
    if (list !== undefined) list.push({ ...text, key: text.key.slice(dot + 1) });
    else if (prefix !== "" && refusePrefix(text, prefix, wanted.named, context)) continue;
    else plain.push(text);
  }
  const place = {
    file: wanted.file,
    family: FAMILY,
    line: line.number,
    column: (span?.start ?? 0) + 1,
    field: context.field,
    owner: wanted.owner,
  };
  const { faults, values } = convertParams(plain, wanted.schema, wanted.resolvePath, place);
  context.faults.addAll(faults);
  return { values: { ...defaultsOf(wanted.schema), ...values }, named, texts };
}

/** A mistyped `heder.x-env`: the schema's own message would not know what was meant. */
function refusePrefix(text: ParamText, prefix: string, known: readonly string[], context: LineContext): boolean {
  const meant = nearMiss(prefix, known);
  if (meant === undefined) return false;
  const message = `there is no option ${quoted(`${prefix}.NAME`)}`;
  const draft = {
    code: "unknown_parameter",
    message,
    allowed: known.map((each) => `${each}.NAME`).join(", "),
    suggestion: `${meant}${text.key.slice(prefix.length)}`,
  };
  context.fault(text.keyColumn - 1, draft, `${context.field}.${text.key}`);
  return true;
}

/** Faulty values give the default, so that later checks have something to go by. */
function defaultsOf(schema: ParamSchema): Record<string, ParamValue> {
  const defaults = Object.entries(schema).filter(([, spec]) => spec.default !== undefined);
  return Object.fromEntries(defaults.map(([key, spec]) => [key, spec.default as ParamValue])); // a schema's default is of its own kind
}

/** Fields that hold one value each, from this field of the line on. */
export function readFields(
  spans: readonly Span[],
  from: number,
  wanted: OptionSchema,
  context: LineContext,
): Record<string, ParamValue> {
  const values = defaultsOf(wanted.schema);
  for (const [index, [name, spec]] of Object.entries(wanted.schema).entries()) {
    const span = spans[from + index];
    const text = textOf(context.line, span);
    const result = text === "" ? missing(name, spec.required) : convertValue(text, spec, wanted.resolvePath);
    if (result === undefined) continue;
    if ("value" in result) values[name] = result.value;
    else context.fault(span?.start ?? context.line.text.length, result.fault, name);
  }
  return values;
}

function missing(name: string, isRequired: boolean): { readonly fault: FaultDraft } | undefined {
  if (!isRequired) return undefined;
  return {
    fault: {
      code: "missing_field",
      message: `the line has no ${name}`,
      allowed: `a field ${name}, see check --explain`,
    },
  };
}

export function endOf(text: string): Span {
  return { start: text.length, end: text.length };
}

/** Where an option's value stands, from 0; the line's end when it was left out. */
export function placeOf(options: Options, key: string, context: LineContext): number {
  const text = options.texts.find((each) => each.key === key);
  return text === undefined ? context.line.text.length : text.valueColumn - 1;
}

export function refuseExtraFields(spans: readonly Span[], names: readonly string[], context: LineContext): void {
  const extra = spans[names.length];
  if (extra === undefined) return;
  const message = `the line has ${spans.length} fields`;
  const allowed = `at most ${names.length}: ${names.join("|")}; write \\| for a | inside a value`;
  context.fault(extra.start, { code: "too_many_fields", message, allowed }, "line");
}

/**
 * References in texts: `${tasks.ID.output.path}`, `${tasks.ID.state}`, `${env.NAME}`, with a fallback in JSON behind `??` and
 * `$${` for a `${` that is none. A text that is one reference and nothing else becomes the value itself, so a number stays a
 * number; inside a longer text the value is put in as text. Nothing is evaluated: there are paths, and no expressions.
 */
import { Failure } from "../../base/errors.ts";
import { INPUT_BYTES_MAX } from "./limits.ts";
import type { Json } from "./types.ts";

export type ReferencePart = string | number;

export type Reference =
  | {
      readonly kind: "task";
      readonly task: string;
      readonly of: "output" | "state";
      readonly path: readonly ReferencePart[];
      readonly text: string;
      readonly fallback?: Json;
    }
  | { readonly kind: "env"; readonly name: string; readonly text: string; readonly fallback?: Json };

export interface ReferenceFault {
  readonly text: string;
  readonly message: string;
}

/** A text cut into what stands as it is and what is referred to. */
export type TemplatePart = string | Reference | ReferenceFault;

export const REFERENCE_FORM =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the form itself is shown
  "${tasks.ID.output.path}, ${tasks.ID.state} or ${env.NAME}, each with ?? and a JSON value behind it if it may be missing";

/** A fallback may hold texts with braces, and an object with nothing below it. */
const HOLE = /\$\$\{|\$\{((?:[^{}"]|"(?:[^"\\]|\\.)*"|\{[^{}]*\})*)\}|\$\{/g;
const TASK = /^tasks\.([A-Za-z0-9_-]+)\.(output|state)(?![A-Za-z0-9_-])(.*)$/s;
const ENV = /^env\.([A-Za-z_][A-Za-z0-9_]*)$/;
const PART = /\.([A-Za-z_$][\w$-]*)|\[(\d{1,9})\]|\["((?:[^"\\]|\\.)*)"\]/y;

export function parseTemplate(text: string): readonly TemplatePart[] {
  if (!text.includes("${")) return [text];
  const parts: TemplatePart[] = [];
  let from = 0;
  for (const match of text.matchAll(HOLE)) {
    if (match.index > from) parts.push(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[0] === "$${") parts.push("${");
    else if (match[1] === undefined) parts.push({ text: match[0], message: "it is never closed by }" });
    else parts.push(parseReference(match[0], match[1]));
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

function parseReference(text: string, inside: string): Reference | ReferenceFault {
  const cut = inside.indexOf("??");
  const target = (cut < 0 ? inside : inside.slice(0, cut)).trim();
  const fallback = cut < 0 ? {} : parseFallback(inside.slice(cut + 2));
  if (fallback === undefined) return { text, message: "what follows ?? is no JSON" };
  const env = ENV.exec(target)?.[1];
  if (env !== undefined) return { kind: "env", name: env, text, ...fallback };
  const [, task, of, rest] = TASK.exec(target) ?? [];
  if (task === undefined) return { text, message: `${JSON.stringify(target)} is no reference` };
  const path = parsePath(rest!);
  if (path === undefined) return { text, message: `${JSON.stringify(rest)} is no path` };
  if (of === "state" && path.length > 0) return { text, message: "a state is a word and has nothing below it" };
  return { kind: "task", task, of: of as "output" | "state", path, text, ...fallback }; // the pattern allows these two
}

function parseFallback(text: string): { fallback: Json } | undefined {
  try {
    return { fallback: JSON.parse(text) as Json };
  } catch {
    return undefined;
  }
}

function parsePath(text: string): ReferencePart[] | undefined {
  const path: ReferencePart[] = [];
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (!match) return undefined;
    const [, name, index, quoted] = match;
    if (index !== undefined) path.push(Number(index));
    else if (name !== undefined) path.push(name);
    else {
      const key = parseFallback(`"${quoted}"`);
      if (key === undefined) return undefined;
      path.push(key.fallback as string); // between double quotes JSON is a string
    }
  }
  return path;
}

export function isReference(part: TemplatePart): part is Reference {
  return typeof part !== "string" && "kind" in part;
}

/** Every part of every text in a value, with the path of the text. Keys are never looked at. */
export function eachTemplate(
  value: Json,
  visit: (parts: readonly TemplatePart[], path: readonly (string | number)[]) => void,
  path: readonly (string | number)[] = [],
): void {
  if (typeof value === "string") {
    if (value.includes("${")) visit(parseTemplate(value), path);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) eachTemplate(item, visit, [...path, index]);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) eachTemplate(item, visit, [...path, key]);
  }
}

/** Where values come from. Undefined: there is none, and the fallback counts. */
export interface ReferenceValues {
  readonly output: (task: string) => Json | undefined;
  readonly state: (task: string) => string;
  readonly env: (name: string) => string | undefined;
}

/** The value with every reference filled in. Fails with `task.reference.*`, naming what there is. */
export function resolveValue(value: Json, values: ReferenceValues): Json {
  return fill(value, values, { bytes: 0 });
}

/**
 * The same for a URL: a task's result is percent-encoded, so that it cannot change the path around it, unless the URL begins with
 * it (a link that was followed). Variables are the user's own and are put in as they are.
 */
export function resolveUrl(text: string, values: ReferenceValues): string {
  const size = { bytes: 0 };
  const filled = parseTemplate(text).map((part, index) => {
    if (!isReference(part)) return asWritten(part);
    const value = textOf(counted(valueFor(part, values), size));
    return part.kind === "task" && index > 0 ? encodeURIComponent(value) : value;
  });
  return filled.join("");
}

interface Size {
  bytes: number;
}

function fill(value: Json, values: ReferenceValues, size: Size): Json {
  if (typeof value === "string") return fillText(value, values, size);
  if (Array.isArray(value)) return value.map((item) => fill(item, values, size));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, values, size)]));
}

function fillText(text: string, values: ReferenceValues, size: Size): Json {
  if (!text.includes("${")) return text;
  const parts = parseTemplate(text);
  const only = parts.length === 1 ? parts[0]! : "";
  if (isReference(only)) return counted(valueFor(only, values), size);
  const filled = parts.map((part) =>
    isReference(part) ? textOf(counted(valueFor(part, values), size)) : asWritten(part),
  );
  return filled.join("");
}

/** Results put into each other again and again must not grow without end. */
function counted(value: Json, size: Size): Json {
  size.bytes += typeof value === "object" && value !== null ? JSON.stringify(value).length : String(value).length;
  if (size.bytes <= INPUT_BYTES_MAX) return value;
  throw new Failure(
    "task.reference.too_large",
    `filling in references: more than ${INPUT_BYTES_MAX} bytes for one task`,
  );
}

function valueFor(reference: Reference, values: ReferenceValues): Json {
  const { fallback, text } = reference;
  if (reference.kind === "env") {
    const value = values.env(reference.name) ?? fallback;
    if (value !== undefined) return value;
    throw new Failure("task.reference.env", `${text}: the variable ${reference.name} is not set`);
  }
  if (reference.of === "state") return values.state(reference.task);
  const output = values.output(reference.task);
  const found = output === undefined ? undefined : walk(output, reference.path);
  if (found !== undefined) return found;
  if (fallback !== undefined) return fallback;
  throw new Failure("task.reference.unknown", missingText(reference, values.state(reference.task), output));
}

function walk(value: Json, path: readonly ReferencePart[]): Json | undefined {
  let at: Json | undefined = value;
  for (const part of path) at = childOf(at, part);
  return at;
}

function childOf(value: Json | undefined, part: ReferencePart): Json | undefined {
  if (Array.isArray(value)) return typeof part === "number" ? (value as readonly Json[])[part] : undefined;
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
  return (value as { readonly [key: string]: Json })[part];
}

function missingText({ path, task, text }: Reference & { kind: "task" }, state: string, output: Json | undefined) {
  if (output === undefined) return `${text}: task ${task} is ${state} and has left no output`;
  let at = output;
  for (const [depth, part] of path.entries()) {
    const next = childOf(at, part);
    if (next === undefined) {
      const place = ["output", ...path.slice(0, depth)].join(".");
      return `${text}: ${place} of task ${task} has no ${JSON.stringify(part)}; it is ${describe(at)}`;
    }
    at = next;
  }
  return `${text}: there is nothing`;
}

const NAMES_SHOWN = 20;

function describe(value: Json): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value !== "object" || value === null) return `the ${value === null ? "value null" : typeof value} itself`;
  const names = Object.keys(value);
  const shown = names.slice(0, NAMES_SHOWN).join(", ");
  return names.length === 0 ? "empty" : `an object with ${shown}${names.length > NAMES_SHOWN ? ", …" : ""}`;
}

/** Faults are found before anything runs; a template that comes from elsewhere stays as it is. */
function asWritten(part: string | ReferenceFault): string {
  return typeof part === "string" ? part : part.text;
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

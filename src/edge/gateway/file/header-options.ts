/** Options about headers: conditions on them and edits of them. Headers that frame a message or belong to a hop cannot be edited. */
import { type LineContext, type ParamText, quoted } from "../../../work/lines/index.ts";
import { parseTemplate } from "../route/index.ts";
import type { FieldMatch, HeaderEdit } from "../words/index.ts";
import { endOf, type Options } from "./option-reader.ts";

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/;
/** The gateway sets them by itself; an edit would break the message, or smuggle one. */
const UNTOUCHABLE = new Set(
  "connection content-length host keep-alive proxy-connection te trailer transfer-encoding upgrade".split(" "),
);

export function fieldMatches(kind: "header" | "query", options: Options, context: LineContext): FieldMatch[] {
  const matches: FieldMatch[] = [];
  for (const text of options.named.get(kind) ?? []) {
    const problem = kind === "header" ? (headerProblem(text.key) ?? valuelessProblem(text)) : emptyProblem(text.key);
    if (problem === undefined)
      matches.push(fieldMatch(kind === "header" ? text.key.toLowerCase() : text.key, text.value));
    else refuse(`${kind}.${text.key}`, text, problem, context);
  }
  return matches;
}

function fieldMatch(name: string, written: string): FieldMatch {
  if (written === "*") return { name, how: "present", value: "" };
  if (written === "!") return { name, how: "absent", value: "" };
  if (written.endsWith("*")) return { name, how: "prefix", value: written.slice(0, -1) };
  return { name, how: "exact", value: written };
}

/** The opposite of what the parser reads. */
export function writtenMatch({ how, value }: FieldMatch): string {
  if (how === "present") return "*";
  if (how === "absent") return "!";
  return how === "prefix" ? `${value}*` : value;
}

/** In this order: what is removed, what is set, what is added. */
export function headerEdits(
  kind: "request" | "response",
  removed: readonly string[],
  options: Options,
  params: readonly string[],
  context: LineContext,
): HeaderEdit[] {
  const edits: HeaderEdit[] = [];
  for (const name of removed) {
    const problem = headerProblem(name) ?? editProblem(name);
    if (problem === undefined) edits.push({ kind: "remove", name: name.toLowerCase() });
    else
      refuse(
        `${kind}_header_remove`,
        options.texts.find(({ key }) => key === `${kind}_header_remove`),
        problem,
        context,
      );
  }
  for (const [prefix, edit] of [
    [`${kind}_header`, "set"],
    [`${kind}_header_add`, "add"],
  ] as const) {
    for (const text of options.named.get(prefix) ?? []) {
      const problem = headerProblem(text.key) ?? editProblem(text.key) ?? valueProblem(text.value, params);
      if (problem === undefined) edits.push({ kind: edit, name: text.key.toLowerCase(), value: text.value });
      else refuse(`${prefix}.${text.key}`, text, problem, context);
    }
  }
  return edits;
}

interface Problem {
  readonly message: string;
  readonly allowed: string;
}

function headerProblem(name: string): Problem | undefined {
  if (HEADER_NAME.test(name)) return undefined;
  return { message: `${quoted(name)} is not the name of a header`, allowed: "letters, digits and -" };
}

/** Hardly any client sends a header without a value; that of a query (`?debug=`) is usual. */
function valuelessProblem({ key, value }: ParamText): Problem | undefined {
  if (value !== "") return undefined;
  return { message: `header.${key} has no value`, allowed: "a value, one that begins so (v*), any (*), or none (!)" };
}

function emptyProblem(name: string): Problem | undefined {
  return name === "" ? { message: "the field of the query has no name", allowed: "query.NAME" } : undefined;
}

function editProblem(name: string): Problem | undefined {
  if (!UNTOUCHABLE.has(name.toLowerCase())) return undefined;
  const allowed = name.toLowerCase() === "host" ? "the option host" : "a header that does not frame the message";
  return { message: `the header ${name.toLowerCase()} cannot be edited`, allowed };
}

function valueProblem(value: string, params: readonly string[]): Problem | undefined {
  if (/[^\t\x20-\x7e]/.test(value))
    return { message: `${quoted(value)} cannot stand in a header`, allowed: "ASCII without control characters" };
  const template = parseTemplate(value, "header", params);
  return "fault" in template ? { message: template.fault, allowed: template.allowed } : undefined;
}

function refuse(key: string, text: ParamText | undefined, problem: Problem, context: LineContext): void {
  const at = text === undefined ? endOf(context.line.text).start : text.keyColumn - 1;
  context.fault(at, { code: "bad_header", ...problem }, `${context.field}.${key}`);
}

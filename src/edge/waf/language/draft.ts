/** A rule while its file is read: later directives can still change its variables and actions, or take it away. */
import { toFailure } from "../../../base/errors.ts";
import type { Bytes } from "../match/index.ts";
import { isFaulty, type ListedTarget, listedTarget, splitTargets } from "./parts.ts";
import { type Directive, isQuoteOpen, type RawAction, readActions } from "./reader.ts";
import type { Unsupported } from "./words.ts";

export interface DraftLink {
  readonly file: string;
  readonly line: number;
  targets: ListedTarget[];
  readonly operator: RawOperator;
  actions: RawAction[];
  /** What makes the rule impossible, found while reading. */
  readonly faults: Unsupported[];
}

export interface RawOperator {
  readonly name: string;
  readonly isNegated: boolean;
  readonly argument: Bytes;
}

export interface Draft {
  readonly links: DraftLink[];
  /** Of SecDefaultAction when the rule was read, by phase. */
  readonly defaults: ReadonlyMap<number, readonly RawAction[]>;
}

const ALWAYS: RawOperator = { name: "unconditionalMatch", isNegated: false, argument: "" };

export function draftRule({ args, file, line, fault }: Directive): DraftLink {
  const link: DraftLink = {
    file,
    line,
    targets: [],
    operator: readOperator(args[1] ?? ""),
    actions: readActions(args[2] ?? ""),
    faults: [],
  };
  const problem = fault ?? (args.length < 2 ? "a rule needs variables and an operator" : actionsFault(args[2] ?? ""));
  if (problem !== undefined) link.faults.push(syntaxFault(link, "SecRule", problem));
  if (args.length > 3) link.faults.push(syntaxFault(link, args[3]!, "it stands behind the actions"));
  for (const text of splitTargets(args[0] ?? "")) addTarget(link, text);
  if (!link.targets.some(({ isExcluded }) => !isExcluded) && problem === undefined)
    link.faults.push({ ...syntaxFault(link, args[0] ?? "", "no variable is left"), isFault: !isLessened(link) });
  return link;
}

export function draftAction({ args, file, line, fault }: Directive): DraftLink {
  const link: DraftLink = {
    file,
    line,
    targets: [],
    operator: ALWAYS,
    actions: readActions(args[0] ?? ""),
    faults: [],
  };
  const count = args.length === 1 ? undefined : `it has ${args.length} arguments; required: one list of actions`;
  const problem = fault ?? count ?? actionsFault(args[0]!);
  if (problem !== undefined) link.faults.push(syntaxFault(link, "SecAction", problem));
  return link;
}

/** What stands behind it would be part of a text. */
function actionsFault(text: Bytes): string | undefined {
  return isQuoteOpen(text) ? "in the actions a quotation mark ' is not closed" : undefined;
}

/** A variable that is not known is told; the rule stays for the others. */
function addTarget(link: DraftLink, text: Bytes): void {
  try {
    link.targets.push(listedTarget(text));
  } catch (thrown) {
    const failure = toFailure(thrown, "waf.rule_invalid");
    const kind = failure.code.startsWith("waf.variable") ? "variable" : "regex";
    const { file, line } = link;
    const isFault = isFaulty(failure);
    link.faults.push({ file, line, kind, what: text, effect: "ignored", reason: failure.message, isFault });
  }
}

/** A variable of it is right, and not done here. */
function isLessened({ faults }: DraftLink): boolean {
  return faults.some(({ isFault }) => !isFault);
}

export function syntaxFault({ file, line }: DraftLink, what: Bytes, reason: string): Unsupported {
  return { file, line, kind: "syntax", what, effect: "rule_left_out", reason, isFault: true };
}

/** `@rx …`, `!@eq 0`, or a bare regular expression. */
export function readOperator(text: Bytes): RawOperator {
  const trimmed = text.trim();
  const isNegated = trimmed.startsWith("!");
  const rest = isNegated ? trimmed.slice(1).trimStart() : trimmed;
  const match = /^@(\w+)(?:\s+|$)/.exec(rest);
  if (match === null) return { name: "rx", isNegated, argument: rest };
  return { name: match[1]!, isNegated, argument: rest.slice(match[0].length) };
}

export function actionValue(actions: readonly RawAction[], name: string): Bytes | undefined {
  return actions.findLast((action) => action.name === name)?.value;
}

export function hasAction(actions: readonly RawAction[], name: string): boolean {
  return actions.some((action) => action.name === name);
}

export function draftId(draft: Draft): number {
  return Number.parseInt(actionValue(draft.links[0]!.actions, "id") ?? "", 10) || 0;
}

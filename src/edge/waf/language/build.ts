/** A draft made into a rule: actions understood, defaults applied, operators and transformations compiled. */
import { toFailure } from "../../../base/errors.ts";
import {
  EMPTY_CHAIN,
  type OperatorSet,
  type Transformation,
  type TransformChain,
  transformationOf,
  transformChain,
} from "../match/index.ts";
import { checkActions, checkMacros, DISRUPTIVE, isStatus, SEVERITIES, shownAction } from "./checks.ts";
import { actionValue, type Draft, type DraftLink, draftId, hasAction } from "./draft.ts";
import { effectOf } from "./effects.ts";
import { isFaulty, parseTemplate } from "./parts.ts";
import type { RawAction } from "./reader.ts";
import type { Disruptive, Effect, OperatorUse, Phase, Rule, RuleFiles, RuleLink, Unsupported } from "./words.ts";

/** What building needs and where it tells what it cannot do. */
export interface Builder {
  readonly operators: OperatorSet;
  readonly files: RuleFiles;
  readonly unsupported: Unsupported[];
  /** What says only how ModSecurity's own logs are written, by what it is: too many rules say it to tell each. */
  readonly logWords: Map<string, { readonly file: string; readonly line: number; count: number }>;
}

type Kind = Unsupported["kind"];

/** Undefined: it was left out, and why was told. */
export function buildRule(draft: Draft, builder: Builder): Rule | undefined {
  const id = draftId(draft);
  const told: Unsupported[] = draft.links.flatMap((link) => link.faults).map((fault) => ({ ...fault, ruleId: id }));
  const head = draft.links[0]!;
  const phase = phaseOf(actionValue(head.actions, "phase"));
  if (phase === undefined)
    told.push(fault(head, id, "action", `phase:${actionValue(head.actions, "phase")}`, "phases are 1 to 5"));
  const defaults = draft.defaults.get(phase ?? 2) ?? [];
  for (const link of draft.links)
    for (const each of [...checkActions(link, head), ...checkMacros(link)])
      told.push({ ...fault(link, id, each.kind, each.what, each.reason), effect: "ignored", isFault: each.isFault });
  const links = draft.links.map((link) => buildLink(link, id, told, builder, defaults));
  builder.unsupported.push(...told);
  if (phase === undefined || told.some(({ effect }) => effect === "rule_left_out")) return undefined;
  return { ...ruleHead(draft, defaults), id, phase, links };
}

function fault({ file, line }: DraftLink, ruleId: number, kind: Kind, what: string, reason: string): Unsupported {
  return { file, line, kind, what, effect: "rule_left_out", reason, isFault: true, ruleId };
}

const PHASES: Readonly<Record<string, Phase>> = {
  "1": 1,
  "2": 2,
  "3": 3,
  "4": 4,
  "5": 5,
  request: 2,
  response: 4,
  logging: 5,
};

export function phaseOf(text: string | undefined): Phase | undefined {
  return text === undefined ? 2 : PHASES[text.toLowerCase()];
}

type Head = Omit<Rule, "id" | "phase" | "links">;

function ruleHead(draft: Draft, defaults: readonly RawAction[]): Head {
  const link = draft.links[0]!;
  const { actions } = link;
  const all = [...defaults, ...actions];
  const template = (name: string) => {
    const value = actionValue(actions, name);
    return value === undefined ? undefined : parseTemplate(value);
  };
  const own = disruptiveOf(actions);
  const isBlock = own?.name === "block";
  const chosen = own === undefined || isBlock ? disruptiveOf(defaults) : own;
  const isLogged = lastOf(all, "log", "nolog") !== "nolog";
  return {
    kind: "rule",
    file: link.file,
    line: link.line,
    disruptive: disruption(chosen),
    isBlock,
    status: statusOf(actionValue(all, "status")),
    redirect: chosen?.name === "redirect" ? parseTemplate(chosen.value ?? "") : undefined,
    msg: template("msg"),
    logdata: template("logdata"),
    severity: severityOf(actionValue(actions, "severity")),
    tags: actions.filter(({ name }) => name === "tag").map(({ value = "" }) => value),
    version: actionValue(actions, "ver"),
    revision: actionValue(actions, "rev"),
    isLogged,
    skipAfter: actionValue(actions, "skipafter"),
    skip: numberOf(actionValue(actions, "skip")) ?? 0,
  };
}

function disruptiveOf(actions: readonly RawAction[]): RawAction | undefined {
  return actions.findLast(({ name }) => DISRUPTIVE.has(name));
}

function disruption(action: RawAction | undefined): Disruptive {
  if (action === undefined || action.name === "block") return "pass";
  if (action.name !== "allow") return action.name as Disruptive;
  const scope = action.value?.toLowerCase();
  return scope === "phase" ? "allow_phase" : scope === "request" ? "allow_request" : "allow";
}

function lastOf(actions: readonly RawAction[], ...names: readonly string[]): string | undefined {
  return actions.findLast(({ name }) => names.includes(name))?.name;
}

/** What is no status of a reply is as if it was not written. */
function statusOf(text: string | undefined): number | undefined {
  const status = numberOf(text);
  return status === undefined || !isStatus(status) ? undefined : status;
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || !/^[0-9]{1,9}$/.test(text) ? undefined : Number(text);
}

function severityOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-7]$/.test(text)) return Number(text);
  const index = SEVERITIES.indexOf(text.toLowerCase());
  return index < 0 ? undefined : index;
}

function buildLink(
  link: DraftLink,
  id: number,
  told: Unsupported[],
  builder: Builder,
  defaults: readonly RawAction[],
): RuleLink {
  const used = [...defaults.filter(({ name }) => name === "t"), ...link.actions];
  return {
    line: link.line,
    targets: link.targets.filter(({ isExcluded }) => !isExcluded).map(({ target }) => target),
    exclusions: link.targets.filter(({ isExcluded }) => isExcluded).map(({ target }) => target),
    operator: buildOperator(link, id, told, builder),
    transformations: buildChain(link, used, id, told),
    isMultiMatch: hasAction(link.actions, "multimatch"),
    isCapture: hasAction(link.actions, "capture"),
    effects: buildEffects(link, id, told, builder),
  };
}

function buildOperator(link: DraftLink, id: number, told: Unsupported[], builder: Builder): OperatorUse {
  const { name, isNegated, argument } = link.operator;
  const template = parseTemplate(argument);
  const use = { name: name.toLowerCase(), isNegated, argument: template };
  try {
    const data = dataOf(use.name, argument, link.file, builder.files);
    return { ...use, compiled: builder.operators.compile({ name, argument, isDynamic: template.isDynamic, data }) };
  } catch (thrown) {
    const failure = toFailure(thrown, "waf.operator_invalid");
    const kind: Kind = failure.code.startsWith("waf.regex") ? "regex" : "operator";
    const shown = argument.length > 120 ? `${argument.slice(0, 120)}…` : argument;
    const what = `@${name} ${shown}`.trim();
    told.push({ ...fault(link, id, kind, what, failure.message), isFault: isFaulty(failure) });
    return { ...use, compiled: { name: use.name, match: () => false } };
  }
}

/** Files lie beside the rules that name them. */
function dataOf(name: string, argument: string, file: string, files: RuleFiles): string | undefined {
  if (name !== "pmfromfile" && name !== "pmf" && name !== "ipmatchfromfile" && name !== "ipmatchf") return undefined;
  const texts = argument
    .trim()
    .split(/\s+/)
    .map((each) => files.read(besides(file, each)));
  return texts.some((text) => text === undefined) ? undefined : texts.join("\n");
}

/** A path relative to the folder of a file. */
export function besides(file: string, path: string): string {
  if (path.startsWith("/")) return path;
  const slash = file.lastIndexOf("/");
  return slash < 0 ? path : `${file.slice(0, slash + 1)}${path}`;
}

function buildChain(link: DraftLink, actions: readonly RawAction[], id: number, told: Unsupported[]): TransformChain {
  let steps: Transformation[] = [];
  for (const { name, value = "" } of actions) {
    if (name !== "t") continue;
    if (value.toLowerCase() === "none") steps = [];
    else {
      const step = transformationOf(value);
      if (step === undefined)
        told.push(fault(link, id, "transformation", `t:${value}`, "there is no transformation of this name"));
      else steps.push(step);
    }
  }
  return steps.length === 0 ? EMPTY_CHAIN : transformChain(steps);
}

/** Actions that are read elsewhere or need nothing to be done. */
const PLAIN: ReadonlySet<string> = new Set([
  ...DISRUPTIVE,
  ...[
    "id",
    "phase",
    "t",
    "chain",
    "capture",
    "multimatch",
    "msg",
    "logdata",
    "severity",
    "tag",
    "ver",
    "rev",
    "maturity",
    "accuracy",
  ],
  ...["log", "nolog", "auditlog", "status", "skip", "skipafter"],
]);

/** Known to ModSecurity, not done here: the rest of the rule works without. */
const IGNORED: Readonly<Record<string, string>> = {
  sanitisearg: "arguments are masked by the gateway's own masks",
  sanitisematched: "arguments are masked by the gateway's own masks",
  sanitisematchedbytes: "arguments are masked by the gateway's own masks",
  sanitiserequestheader: "headers are masked by the gateway's own masks",
  sanitiseresponseheader: "headers are masked by the gateway's own masks",
  deprecatevar: "kept variables do not decay",
  pause: "a request is never held up on purpose",
  xmlns: "paths into XML are /* and //@* only",
  append: "replies are not rewritten",
  prepend: "replies are not rewritten",
  exec: "rules run no programs",
  proxy: "rules choose no upstream; the rule passes",
};

function buildEffects(link: DraftLink, id: number, told: Unsupported[], { logWords }: Builder): Effect[] {
  const effects: Effect[] = [];
  for (const action of link.actions) {
    const word = logWord(action, link);
    if (word !== undefined) {
      const known = logWords.get(word);
      if (known === undefined) logWords.set(word, { file: link.file, line: link.line, count: 1 });
      else known.count += 1;
    }
    if (word !== undefined || PLAIN.has(action.name)) continue;
    try {
      const effect = effectOf(action);
      if (effect !== undefined) effects.push(effect);
      else told.push(unknownAction(link, id, action));
    } catch (thrown) {
      const failure = toFailure(thrown, "waf.rule_invalid");
      const isFault = isFaulty(failure);
      told.push({ ...fault(link, id, "action", shownAction(action), failure.message), effect: "ignored", isFault });
    }
  }
  return effects;
}

/** What is logged is audited, unless the rules say otherwise. */
function logWord({ name, value = "" }: RawAction, { actions }: DraftLink): string | undefined {
  if (name === "auditlog") return hasAction(actions, "nolog") ? "auditlog with nolog" : undefined;
  if (name === "noauditlog") return name;
  const control = name === "ctl" ? /^\s*(auditEngine|auditLogParts)\s*=/i.exec(value)?.[1] : undefined;
  return control === undefined ? undefined : `ctl:${control}`;
}

function unknownAction(link: DraftLink, id: number, action: RawAction): Unsupported {
  const known = Object.hasOwn(IGNORED, action.name) ? IGNORED[action.name] : undefined;
  const reason = known ?? "there is no action of this name";
  return {
    ...fault(link, id, "action", shownAction(action), reason),
    effect: "ignored",
    isFault: known === undefined,
  };
}

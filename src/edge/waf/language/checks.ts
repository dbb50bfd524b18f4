/**
 * What the actions of a rule or of SecDefaultAction say that cannot be meant: numbers out of range, words that are none, what only the first rule of
 * a chain may say. Each is told, for a rule that is read in another way than its writer thinks protects nobody.
 */
import type { DraftLink } from "./draft.ts";
import type { RawAction } from "./reader.ts";
import { MACROS } from "./variables.ts";
import type { Unsupported } from "./words.ts";

export const DISRUPTIVE: ReadonlySet<string> = new Set(["block", "pass", "deny", "drop", "redirect", "allow"]);

export const SEVERITIES: readonly string[] = [
  ...["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"],
];

type Told = Pick<Unsupported, "kind" | "what" | "reason" | "isFault">;

/** Of a reply; informational ones end nothing. */
const STATUS_MIN = 200;
const STATUS_MAX = 599;

export function isStatus(value: number): boolean {
  return value >= STATUS_MIN && value <= STATUS_MAX;
}

/** What is wrong with a value, by the action's name. */
const VALUES: Readonly<Record<string, (value: string) => string | undefined>> = {
  status: (value) =>
    /^\d{1,9}$/.test(value) && isStatus(Number(value)) ? undefined : `a status is ${STATUS_MIN} to ${STATUS_MAX}`,
  severity: (value) =>
    /^[0-7]$/.test(value) || SEVERITIES.includes(value.toLowerCase())
      ? undefined
      : `a severity is 0 to 7 or one of ${SEVERITIES.join(", ")}`,
  skip: (value) => (/^\d{1,9}$/.test(value) ? undefined : "so many rules are skipped: a number"),
  skipafter: (value) => (value === "" ? "the name of a marker is missing" : undefined),
  allow: (value) =>
    ["", "phase", "request"].includes(value.toLowerCase()) ? undefined : "allow, allow:phase or allow:request",
  redirect: (value) => (value === "" ? "the place to go to is missing" : undefined),
};

/** ModSecurity takes no rule with these further down in a chain. */
const STARTER_ONLY: ReadonlySet<string> = new Set([...DISRUPTIVE, "id", "phase", "skip", "skipafter"]);
/** These describe the whole chain: it is the first rule that says them. */
const OF_THE_FIRST: ReadonlySet<string> = new Set([
  ...["msg", "logdata", "severity", "tag", "ver", "rev", "status", "log", "nolog"],
]);

export function shownAction({ name, value }: RawAction): string {
  return value === undefined ? name : `${name}:${value}`;
}

/** Of one rule of a chain. */
export function checkActions({ actions }: DraftLink, first: DraftLink): Told[] {
  const told: Told[] = [];
  const isFirst = actions === first.actions;
  const isSaid = ({ name, value }: RawAction) =>
    first.actions.some((said) => said.name === name && said.value === value);
  for (const action of actions) {
    const { name, value = "" } = action;
    const isStarter = STARTER_ONLY.has(name);
    const reason =
      !isFirst && (isStarter || (OF_THE_FIRST.has(name) && !isSaid(action)))
        ? "only the first rule of a chain says this"
        : wrongValue(name, value);
    const isFault = isFirst || isStarter;
    if (reason !== undefined) told.push({ kind: "action", what: shownAction(action), reason, isFault });
  }
  return told;
}

function wrongValue(name: string, value: string): string | undefined {
  return Object.hasOwn(VALUES, name) ? VALUES[name]!(value) : undefined;
}

/** What rules take from SecDefaultAction; what they log is in the gateway's own log, so `auditlog` says nothing new. */
const DEFAULTS: ReadonlySet<string> = new Set([...DISRUPTIVE, ...["phase", "status", "t", "log", "nolog", "auditlog"]]);

/** Of SecDefaultAction; `isPhase`: whether a text names a phase. */
export function checkDefaults(actions: readonly RawAction[], isPhase: (text: string) => boolean): Told[] {
  const told: Told[] = [];
  for (const action of actions) {
    const { name, value = "" } = action;
    const reason = !DEFAULTS.has(name)
      ? "rules take no such action from SecDefaultAction"
      : name === "phase" && !isPhase(value)
        ? "phases are 1 to 5"
        : wrongValue(name, value);
    if (reason !== undefined)
      told.push({ kind: "action", what: `SecDefaultAction ${shownAction(action)}`, reason, isFault: true });
  }
  return told;
}

/** `%{…}` of things that are not there: they would be empty. */
export function checkMacros({ actions, operator }: DraftLink): Told[] {
  const told: Told[] = [];
  for (const text of [operator.argument, ...actions.map(({ value = "" }) => value)])
    for (const [what, name] of text.matchAll(/%\{([A-Za-z_]+)(?:[.:][^}]*)?\}/g))
      if (!MACROS.has(name!.toUpperCase()))
        told.push({ kind: "variable", what, reason: "there is no such variable here: it is empty", isFault: false });
  return told;
}

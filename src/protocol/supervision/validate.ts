/**
 * Checks specs and options before anything starts: all faults at once, in words. It trusts no types, because specs are
 * data that may come from a file or another process. Keys that it does not know are the owner's business, as in OTP.
 */
import { Failure } from "../../base/errors.ts";

export interface SpecFault {
  /** Where: `children[2].shutdown`, `options.maxRestarts`. */
  readonly path: string;
  /** What is wrong with the actual value, and what is required. */
  readonly message: string;
}

const STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"];
const AUTO_SHUTDOWNS = ["never", "any_significant", "all_significant"];
const STARTUPS = ["one_by_one", "together"];
const RESTARTS = ["permanent", "transient", "temporary"];
const TYPES = ["worker", "supervisor"];
const DECISIONS = ["restart", "stop", "escalate"];
/** `*`, or dotted words. */
const MATCH = /^(\*|[a-z0-9_-]+(\.[a-z0-9_-]+)*)$/i;

type Fields = Readonly<Record<string, unknown>>;

/** Everything that is wrong with a supervisor that would be built from these; nothing when it can be. */
export function validateSupervisor(specs: unknown, options: unknown): readonly SpecFault[] {
  const faults = [...optionFaults(options)];
  const { strategy, autoShutdown = "never" } = isFields(options) ? options : {};
  if (!Array.isArray(specs)) return [...faults, fault("children", specs, "a list of child specs is required")];
  faults.push(...specs.flatMap((spec, index) => specFaults(spec, `children[${index}]`, autoShutdown)));
  faults.push(...duplicates(specs));
  if (strategy === "simple_one_for_one" && specs.length !== 1)
    faults.push({
      path: "children",
      message: `${specs.length} specs, simple_one_for_one requires exactly one, its template`,
    });
  return faults;
}

/** The same for one child that is to be added to a running supervisor. */
export function validateChild(spec: unknown, autoShutdown: unknown = "never"): readonly SpecFault[] {
  return specFaults(spec, "child", autoShutdown);
}

export function assertValidSupervisor(specs: unknown, options: unknown): void {
  const faults = validateSupervisor(specs, options);
  if (faults.length === 0) return;
  throw new Failure("supervision.invalid_spec", `cannot build the supervisor: ${textOf(faults)}`, { data: { faults } });
}

export function textOf(faults: readonly SpecFault[]): string {
  return faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
}

function optionFaults(options: unknown): SpecFault[] {
  if (!isFields(options)) return [fault("options", options, "an object is required")];
  const { maxRestarts, restartPeriodMs, restartDelayMs, stableAfterMs, strategy, autoShutdown } = options;
  const at = (key: string): string => `options.${key}`;
  const faults = [
    ...oneOf(at("strategy"), strategy, STRATEGIES),
    ...oneOf(at("autoShutdown"), autoShutdown, AUTO_SHUTDOWNS),
    ...oneOf(at("startup"), options.startup, STARTUPS),
    ...ruleFaults(options.onFailure),
  ];
  if (!isCount(maxRestarts)) faults.push(fault(at("maxRestarts"), maxRestarts, "a whole number from 0 is required"));
  if (!isTime(restartPeriodMs) || restartPeriodMs === 0)
    faults.push(fault(at("restartPeriodMs"), restartPeriodMs, "milliseconds above 0 are required"));
  if (stableAfterMs !== undefined && !isTime(stableAfterMs))
    faults.push(fault(at("stableAfterMs"), stableAfterMs, "milliseconds from 0 are required"));
  if (restartDelayMs !== undefined && typeof restartDelayMs !== "function")
    faults.push(fault(at("restartDelayMs"), restartDelayMs, "a function of the failures in a row is required"));
  if (strategy === "simple_one_for_one" && (autoShutdown ?? "never") !== "never")
    faults.push(fault(at("autoShutdown"), autoShutdown, "simple_one_for_one allows never only"));
  return faults;
}

function ruleFaults(rules: unknown): SpecFault[] {
  if (rules === undefined) return [];
  if (!Array.isArray(rules)) return [fault("options.onFailure", rules, "a list of rules is required")];
  return rules.flatMap((rule: unknown, index) => {
    const path = `options.onFailure[${index}]`;
    if (!isFields(rule)) return [fault(path, rule, "an object with match and decision is required")];
    const { match, decision } = rule;
    const isMatch = typeof match === "string" && MATCH.test(match);
    const faults = required(`${path}.decision`, decision, DECISIONS);
    if (!isMatch) faults.unshift(fault(`${path}.match`, match, "a dotted code or * is required"));
    else if (match === "*" && index < rules.length - 1)
      faults.push(
        fault(`${path}.match`, match, "only the last rule may match all, those behind it would never be asked"),
      );
    return faults;
  });
}

function specFaults(spec: unknown, path: string, autoShutdown: unknown): SpecFault[] {
  if (!isFields(spec)) return [fault(path, spec, "a child spec is required")];
  const { id, restart = "permanent", shutdown, type, significant } = spec;
  const faults: SpecFault[] = [];
  if (typeof id !== "string" || id === "") faults.push(fault(`${path}.id`, id, "a name is required"));
  faults.push(...oneOf(`${path}.restart`, restart, RESTARTS), ...oneOf(`${path}.type`, type, TYPES));
  if (shutdown !== undefined && !isShutdown(shutdown))
    faults.push(
      fault(
        `${path}.shutdown`,
        shutdown,
        "brutal_kill, infinity or { timeoutMs } with milliseconds from 0 is required",
      ),
    );
  if (significant !== undefined && typeof significant !== "boolean")
    faults.push(fault(`${path}.significant`, significant, "true or false is required"));
  else if (significant === true) faults.push(...significanceFaults(`${path}.significant`, restart, autoShutdown));
  return faults;
}

/** What a significant child may not be: it would never end for good, or nobody would take notice. */
function significanceFaults(path: string, restart: unknown, autoShutdown: unknown): SpecFault[] {
  const faults: SpecFault[] = [];
  if (restart === "permanent") faults.push({ path, message: "true, but restart permanent requires false" });
  if (autoShutdown === "never") faults.push({ path, message: "true, but autoShutdown never requires false" });
  return faults;
}

function duplicates(specs: readonly unknown[]): SpecFault[] {
  const seen = new Map<unknown, number>();
  return specs.flatMap((spec, index) => {
    const id = isFields(spec) ? spec.id : undefined;
    const first = seen.get(id);
    if (first === undefined) seen.set(id, index);
    if (first === undefined || typeof id !== "string" || id === "") return [];
    const message = `${show(id)} is the id of children[${first}] already, ids must differ`;
    return [{ path: `children[${index}].id`, message }];
  });
}

function oneOf(path: string, value: unknown, allowed: readonly string[]): SpecFault[] {
  return value === undefined ? [] : required(path, value, allowed);
}

function required(path: string, value: unknown, allowed: readonly string[]): SpecFault[] {
  const isAllowed = typeof value === "string" && allowed.includes(value);
  return isAllowed ? [] : [fault(path, value, `one of ${allowed.join(", ")} is required`)];
}

function fault(path: string, value: unknown, demand: string): SpecFault {
  return { path, message: `${show(value)}, ${demand}` };
}

/** Long enough to recognise a value by, short enough for a line. */
const SHOWN_CHARACTERS_MAX = 60;

function show(value: unknown): string {
  if (value === undefined) return "is missing";
  const text = typeof value === "string" ? JSON.stringify(value) : shownOf(value);
  return text.length <= SHOWN_CHARACTERS_MAX ? text : `${text.slice(0, SHOWN_CHARACTERS_MAX)}…`;
}

function shownOf(value: unknown): string {
  return typeof value === "object" && value !== null ? (JSON.stringify(value) ?? "an object") : String(value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0; // an integer is a number
}

function isTime(value: unknown): boolean {
  return Number.isFinite(value) && (value as number) >= 0; // what is finite is a number
}

function isShutdown(value: unknown): boolean {
  if (value === "brutal_kill" || value === "infinity") return true;
  return isFields(value) && isTime(value.timeoutMs);
}

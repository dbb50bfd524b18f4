/** What a breaker can be told, and the check of it: all faults at once, in words. Options are data and may come from a file. */
import { Failure } from "../../base/errors.ts";

export interface RateOptions {
  /** Share of calls that must have failed, above 0 and at most 1. */
  readonly failureRate: number;
  /** Fewer calls than this in the window prove nothing. */
  readonly minimumCalls: number;
  readonly windowMs: number;
}

export interface BreakerOptions {
  /** Failures in a row that open it. One of this and `rate` is required; with both, whichever comes first. */
  readonly failureThreshold?: number | undefined;
  readonly rate?: RateOptions | undefined;
  /** Probes in a row that must succeed before it closes. Default 1. */
  readonly successThreshold?: number | undefined;
  /** A call that has no result by then has failed. Without it, every call admitted must be answered for. */
  readonly timeoutMs?: number | undefined;
  /** How long it stays open before it lets a probe through. */
  readonly halfOpenAfterMs: number;
  /** Probes under way at once. Default 1. */
  readonly halfOpenCalls?: number | undefined;
}

export interface OptionFault {
  /** Where: `failureThreshold`, `rate.windowMs`. */
  readonly path: string;
  /** The actual value, and what is required. */
  readonly message: string;
}

type Fields = Readonly<Record<string, unknown>>;

const COUNT = "a whole number from 1 is required";
const TIME = "milliseconds above 0 are required";
const SHARE = "a share above 0 and at most 1 is required";

/** Everything that is wrong with these options; nothing when a breaker can be made of them. */
export function validateBreaker(options: unknown): readonly OptionFault[] {
  if (!isFields(options)) return [fault("options", options, "an object is required")];
  const { failureThreshold, rate } = options;
  const needsOne = failureThreshold === undefined && rate === undefined;
  return [
    ...(needsOne ? [fault("failureThreshold", undefined, "it or rate is required")] : []),
    ...optional(options, "", "failureThreshold", isCount, COUNT),
    ...(rate === undefined ? [] : rateFaults(rate)),
    ...optional(options, "", "successThreshold", isCount, COUNT),
    ...optional(options, "", "timeoutMs", isTime, TIME),
    ...required(options, "", "halfOpenAfterMs", isTime, TIME),
    ...optional(options, "", "halfOpenCalls", isCount, COUNT),
  ];
}

export function assertValidBreaker(options: unknown): void {
  const faults = validateBreaker(options);
  if (faults.length === 0) return;
  const text = faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new Failure("breaker.invalid_options", `cannot build the circuit breaker: ${text}`, { data: { faults } });
}

function rateFaults(rate: unknown): OptionFault[] {
  if (!isFields(rate)) return [fault("rate", rate, "failureRate, minimumCalls and windowMs are required")];
  return [
    ...required(rate, "rate.", "failureRate", isShare, SHARE),
    ...required(rate, "rate.", "minimumCalls", isCount, COUNT),
    ...required(rate, "rate.", "windowMs", isTime, TIME),
  ];
}

type Check = (value: unknown) => boolean;

function optional(fields: Fields, prefix: string, key: string, check: Check, demand: string): OptionFault[] {
  return fields[key] === undefined ? [] : required(fields, prefix, key, check, demand);
}

function required(fields: Fields, prefix: string, key: string, check: Check, demand: string): OptionFault[] {
  return check(fields[key]) ? [] : [fault(prefix + key, fields[key], demand)];
}

function fault(path: string, value: unknown, demand: string): OptionFault {
  return { path, message: `${value === undefined ? "is missing" : shown(value)}, ${demand}` };
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

function isTime(value: unknown): boolean {
  return Number.isFinite(value) && Number(value) > 0;
}

function isShare(value: unknown): boolean {
  return Number.isFinite(value) && Number(value) > 0 && Number(value) <= 1;
}

/** What outlier ejection can be told, and the check of it. Names, meanings and defaults are those of gRPC A50. */
import { Failure } from "../../base/errors.ts";
import type { OptionFault } from "./options.ts";

export interface SuccessRateOptions {
  /** An outlier is so many standard deviations below the mean success rate. Default 1.9. */
  readonly deviations?: number | undefined;
  /** The chance in percent that an outlier is ejected; 0 only watches and explains. Default 100. */
  readonly enforcementPercent?: number | undefined;
  /** With fewer nodes of enough requests nobody is judged. Default 5: of fewer a mean says little. */
  readonly minimumHosts?: number | undefined;
  /** Requests in an interval below which a node is not judged. Default 100. */
  readonly requestVolume?: number | undefined;
}

export interface FailurePercentageOptions {
  /** A node that fails this percentage of its requests or more is an outlier. Default 85. */
  readonly thresholdPercent?: number | undefined;
  /** As above. Default 100. */
  readonly enforcementPercent?: number | undefined;
  /** With fewer nodes nobody is judged. Default 5. */
  readonly minimumHosts?: number | undefined;
  /** As above. Default 50. */
  readonly requestVolume?: number | undefined;
}

export interface OutlierOptions {
  /** Between two judgements. Default 10 s. */
  readonly intervalMs?: number | undefined;
  /** The first ejection lasts so long, the second twice as long, and so on. Default 30 s. */
  readonly baseEjectionMs?: number | undefined;
  /** No ejection lasts longer, unless the base is longer itself. Default 5 min. */
  readonly maxEjectionMs?: number | undefined;
  /** Once this percentage of nodes is ejected nobody else is; one always may be. Default 10. */
  readonly maxEjectionPercent?: number | undefined;
  /** Left out: nobody is judged this way. */
  readonly successRate?: SuccessRateOptions | undefined;
  readonly failurePercentage?: FailurePercentageOptions | undefined;
}

type Complete<Options> = { readonly [Key in keyof Options]-?: number };

export type SuccessRateRules = Complete<SuccessRateOptions>;
export type FailurePercentageRules = Complete<FailurePercentageOptions>;

export interface OutlierRules {
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionPercent: number;
  readonly successRate: SuccessRateRules | undefined;
  readonly failurePercentage: FailurePercentageRules | undefined;
}

/**
 * For two to a dozen workers that get some batches a second: A50's defaults are made for hundreds of nodes and would never
 * judge anybody. Half of the nodes at most: the others must be able to carry the work.
 */
export const smallClusterOutliers: OutlierOptions = {
  intervalMs: 5_000,
  baseEjectionMs: 15_000,
  maxEjectionPercent: 50,
  failurePercentage: { thresholdPercent: 50, minimumHosts: 2, requestVolume: 10 },
};

const DEFAULTS = { intervalMs: 10_000, baseEjectionMs: 30_000, maxEjectionMs: 300_000, maxEjectionPercent: 10 };
const SUCCESS_RATE: SuccessRateRules = {
  deviations: 1.9,
  enforcementPercent: 100,
  minimumHosts: 5,
  requestVolume: 100,
};
const FAILURE_PERCENTAGE: FailurePercentageRules = {
  thresholdPercent: 85,
  enforcementPercent: 100,
  minimumHosts: 5,
  requestVolume: 50,
};

/** Options with their defaults; throws `balance.outlier.invalid_options` with all faults. */
export function outlierRules(options: OutlierOptions): OutlierRules {
  const faults = validateOutliers(options);
  if (faults.length > 0) {
    const text = faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
    throw new Failure("balance.outlier.invalid_options", `cannot watch for outliers: ${text}`, { data: { faults } });
  }
  const { failurePercentage, successRate, ...times } = options;
  const { intervalMs, baseEjectionMs, maxEjectionMs, maxEjectionPercent } = complete(DEFAULTS, times);
  return {
    intervalMs,
    baseEjectionMs,
    maxEjectionMs: Math.max(baseEjectionMs, maxEjectionMs),
    maxEjectionPercent,
    successRate: successRate && complete(SUCCESS_RATE, successRate),
    failurePercentage: failurePercentage && complete(FAILURE_PERCENTAGE, failurePercentage),
  };
}

function complete<Rules extends object>(defaults: Rules, given: Partial<Record<keyof Rules, unknown>>): Rules {
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(present) };
}

interface Rule {
  readonly demand: string;
  allows(value: number): boolean;
}

const TIME: Rule = { demand: "milliseconds above 0 are required", allows: (ms) => ms > 0 && Number.isFinite(ms) };
const PERCENT: Rule = { demand: "a percentage from 0 to 100 is required", allows: (part) => part >= 0 && part <= 100 };
const COUNT: Rule = { demand: "a whole number from 1 is required", allows: (n) => Number.isSafeInteger(n) && n >= 1 };
const FACTOR: Rule = { demand: "a number from 0 is required", allows: (n) => n >= 0 && Number.isFinite(n) };

type Rules = Readonly<Record<string, Rule>>;

const TIMES: Rules = { intervalMs: TIME, baseEjectionMs: TIME, maxEjectionMs: TIME, maxEjectionPercent: PERCENT };
const SHARED: Rules = { enforcementPercent: PERCENT, minimumHosts: COUNT, requestVolume: COUNT };
const GROUPS: Readonly<Record<string, Rules>> = {
  successRate: { deviations: FACTOR, ...SHARED },
  failurePercentage: { thresholdPercent: PERCENT, ...SHARED },
};

/** Everything that is wrong with these options; nothing when they will do. */
export function validateOutliers(options: unknown): readonly OptionFault[] {
  if (!isFields(options)) return [{ path: "options", message: `${shown(options)}, an object is required` }];
  const groups = Object.keys(GROUPS);
  const plain = Object.fromEntries(Object.entries(options).filter(([key]) => !groups.includes(key)));
  return [...fieldFaults(plain, "", TIMES, groups), ...groups.flatMap((group) => groupFaults(group, options[group]))];
}

function groupFaults(group: string, value: unknown): readonly OptionFault[] {
  if (value === undefined) return [];
  if (!isFields(value)) return [{ path: group, message: `${shown(value)}, an object is required` }];
  return fieldFaults(value, `${group}.`, GROUPS[group] ?? {}, []);
}

function fieldFaults(fields: Fields, prefix: string, rules: Rules, others: readonly string[]): readonly OptionFault[] {
  return Object.entries(fields).flatMap(([key, value]) => {
    const path = prefix + key;
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    const known = [...Object.keys(rules), ...others].join(", ");
    if (rule === undefined) return [{ path, message: `is unknown, one of ${known} is required` }];
    const isFine = value === undefined || (typeof value === "number" && rule.allows(value));
    return isFine ? [] : [{ path, message: `${shown(value)}, ${rule.demand}` }];
  });
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
}

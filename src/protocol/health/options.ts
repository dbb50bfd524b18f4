/** What the checker can be told, and the check of it: all faults at once, in words. Options are data and may come from a file. */
import { Failure } from "../../base/errors.ts";

export interface HealthOptions {
  /** From the end of a check to the next one. */
  readonly intervalMs: number;
  /** A check without an answer by then has failed. */
  readonly timeoutMs: number;
  /** Failed checks in a row that make it unhealthy. Default 3. */
  readonly failureThreshold?: number | undefined;
  /** Passed checks in a row that make it healthy again. Default 1. */
  readonly successThreshold?: number | undefined;
  /** Share of an interval over which the first check is spread, 0 to 1. Default 1: many that start together do not check together. */
  readonly jitter?: number | undefined;
}

export interface OptionFault {
  readonly path: string;
  /** The actual value, and what is required. */
  readonly message: string;
}

interface Rule {
  readonly demand: string;
  readonly optional: boolean;
  allows(value: unknown): boolean;
}

const TIME = {
  demand: "milliseconds above 0 are required",
  allows: (value: unknown) => Number.isFinite(value) && Number(value) > 0,
};
const COUNT = {
  demand: "a whole number from 1 is required",
  allows: (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 1,
};
const SHARE = {
  demand: "a share from 0 to 1 is required",
  allows: (value: unknown) => Number.isFinite(value) && Number(value) >= 0 && Number(value) <= 1,
};

const RULES: Readonly<Record<keyof HealthOptions, Rule>> = {
  intervalMs: { ...TIME, optional: false },
  timeoutMs: { ...TIME, optional: false },
  failureThreshold: { ...COUNT, optional: true },
  successThreshold: { ...COUNT, optional: true },
  jitter: { ...SHARE, optional: true },
};

/** Everything that is wrong with these options; nothing when they will do. */
export function validateHealth(options: unknown): readonly OptionFault[] {
  if (!isFields(options)) return [{ path: "options", message: `${shown(options)}, an object is required` }];
  return Object.entries(RULES).flatMap(([path, { allows, demand, optional }]) => {
    const value = options[path];
    const isFine = value === undefined ? optional : allows(value);
    return isFine ? [] : [{ path, message: `${shown(value)}, ${demand}` }];
  });
}

export function assertValidHealth(options: unknown): void {
  const faults = validateHealth(options);
  if (faults.length === 0) return;
  const text = faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new Failure("health.invalid_options", `cannot check health: ${text}`, { data: { faults } });
}

function shown(value: unknown): string {
  if (value === undefined) return "is missing";
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What balancers can be told, and the check of it: all faults at once, in words. Options are data and may come from a file. */
import { Failure } from "../../base/errors.ts";

export interface BalancerOptions {
  /** RESPONSE_TIME: how fast an estimate fades that nothing confirms. Default 10 s, Finagle's. */
  readonly decayMs?: number | undefined;
  /** LEAST_LOAD: a report this old counts half. Default 5 s: some reports' time. */
  readonly loadHalfLifeMs?: number | undefined;
  /** CONSISTENT_HASH: how far above its fair share a node may be loaded; Infinity: as far as need be. Default 1.25. */
  readonly loadFactor?: number | undefined;
  /** CONSISTENT_HASH: a node with fewer requests than this is never passed over. Default 4. */
  readonly loadFloor?: number | undefined;
}

export const defaultBalancerOptions: { readonly [Key in keyof BalancerOptions]-?: number } = {
  decayMs: 10_000,
  loadHalfLifeMs: 5_000,
  loadFactor: 1.25,
  loadFloor: 4,
};

export interface OptionFault {
  readonly path: string;
  /** The actual value, and what is required. */
  readonly message: string;
}

interface Rule {
  readonly demand: string;
  allows(value: number): boolean;
}

const TIME: Rule = { demand: "milliseconds above 0 are required", allows: (ms) => ms > 0 && Number.isFinite(ms) };

const RULES: Readonly<Record<keyof BalancerOptions, Rule>> = {
  decayMs: TIME,
  loadHalfLifeMs: TIME,
  loadFactor: { demand: "a number from 1 is required", allows: (factor) => factor >= 1 },
  loadFloor: {
    demand: "a whole number from 0 is required",
    allows: (floor) => Number.isSafeInteger(floor) && floor >= 0,
  },
};

/** Everything that is wrong with these options; nothing when they will do. */
export function validateBalancer(options: unknown): readonly OptionFault[] {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    return [{ path: "options", message: `${shown(options)}, an object is required` }];
  }
  return Object.entries(options).flatMap(([path, value]) => {
    const rule = Object.hasOwn(RULES, path) ? RULES[path as keyof BalancerOptions] : undefined;
    if (rule === undefined)
      return [{ path, message: `is unknown, one of ${Object.keys(RULES).join(", ")} is required` }];
    const isFine = value === undefined || (typeof value === "number" && rule.allows(value));
    return isFine ? [] : [{ path, message: `${shown(value)}, ${rule.demand}` }];
  });
}

export function assertValidBalancer(options: unknown): void {
  const faults = validateBalancer(options);
  if (faults.length === 0) return;
  const text = faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new Failure("balance.invalid_options", `cannot build the balancer: ${text}`, { data: { faults } });
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
}

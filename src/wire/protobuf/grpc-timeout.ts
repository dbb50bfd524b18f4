/** `grpc-timeout`: at most eight digits and a unit. */
import { TIMEOUT_DIGITS_MAX } from "./limits.ts";

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const VALUE_MAX = 10 ** TIMEOUT_DIGITS_MAX - 1;
const FORM = new RegExp(`^(\\d{1,${TIMEOUT_DIGITS_MAX}})([HMSmun])$`);

/** In milliseconds; undefined: it is none. */
export function parseTimeout(text: string): number | undefined {
  const match = FORM.exec(text);
  return match === null ? undefined : Number(match[1]) * UNITS_MS[match[2]!]!;
}

/** The finest unit that holds it; never longer than what was given. */
export function formatTimeout(timeoutMs: number): string {
  const bounded = Math.max(0, timeoutMs);
  for (const unit of ["n", "u", "m", "S", "M"] as const) {
    const value = Math.floor(bounded / UNITS_MS[unit]! + 1e-9);
    if (value <= VALUE_MAX && (unit !== "n" || bounded < 1)) return `${value}${unit}`;
  }
  return `${Math.min(VALUE_MAX, Math.floor(bounded / UNITS_MS.H!))}H`;
}

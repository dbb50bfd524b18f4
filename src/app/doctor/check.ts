/** One thing that was looked at: what was found, and what to change. */

/** warn: it works, worse than it could. bad: something will fail. unknown: it could not be found out. */
export type Verdict = "ok" | "warn" | "bad" | "unknown";

export interface Diagnosis {
  readonly verdict: Verdict;
  /** In words, with the figures. */
  readonly found: string;
  /** What to change; always there when the verdict is warn or bad. */
  readonly advice?: string;
}

export interface Check extends Diagnosis {
  readonly name: string;
}

export function ok(found: string): Diagnosis {
  return { verdict: "ok", found };
}

export function warn(found: string, advice: string): Diagnosis {
  return { verdict: "warn", found, advice };
}

export function bad(found: string, advice: string): Diagnosis {
  return { verdict: "bad", found, advice };
}

export function unknown(found: string): Diagnosis {
  return { verdict: "unknown", found };
}

/** Something bad makes the whole bad, else something to warn of; what is unknown changes nothing. */
export function worst(verdicts: readonly Verdict[]): Exclude<Verdict, "unknown"> {
  return (["bad", "warn"] as const).find((verdict) => verdicts.includes(verdict)) ?? "ok";
}

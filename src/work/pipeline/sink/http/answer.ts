/** What an answer means: it was taken, it may be taken later, or never. */
import { printable } from "../../../../base/printable.ts";

export interface LaterOutcome {
  readonly kind: "later";
  readonly what: string;
  /** How long the other side wants to be left alone, where it says so. */
  readonly waitMs: number | undefined;
}

export type Outcome = { readonly kind: "taken" } | LaterOutcome | { readonly kind: "never"; readonly what: string };

/** Timed out, too early, too many requests. Of the others of 400 and above none gets better by itself. */
const LATER = new Set([408, 425, 429]);
/** Nobody can want a batch to wait for longer; whoever says so gets a question more. */
const RETRY_AFTER_MS_MAX = 300_000;
/** Enough of an answer to see what is wrong. */
const SHOWN_CHARS = 300;

export function outcomeOf(status: number, retryAfter: string | null, text: string, nowMs: number): Outcome {
  if (status >= 200 && status < 300) return { kind: "taken" };
  const shown = text === "" ? "" : `: ${printable(text.slice(0, SHOWN_CHARS))}`;
  const what = `the answer is ${status}${shown}`;
  if (LATER.has(status) || status >= 500) return { kind: "later", what, waitMs: waitOf(retryAfter, nowMs) };
  return { kind: "never", what };
}

/** In seconds or as a date (RFC 9110, 10.2.3). */
function waitOf(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d{1,9}$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX);
}

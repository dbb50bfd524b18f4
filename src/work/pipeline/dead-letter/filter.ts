/** Which letters are meant: every given condition must hold; none at all means every letter. */
import type { DeadLetter } from "./letter.ts";

export interface DeadLetterFilter {
  readonly pipeline?: string;
  readonly stage?: string;
  readonly batch?: string;
  /** Part of the reason, case aside. */
  readonly reason?: string;
  /** Numbers of letters, as `listDeadLetters` shows them. */
  readonly numbers?: ReadonlySet<number>;
}

export function matches(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  const { pipeline, stage, batch, reason, numbers } = filter;
  if (pipeline !== undefined && letter.pipeline !== pipeline) return false;
  if (stage !== undefined && letter.stage !== stage) return false;
  if (batch !== undefined && letter.batch !== batch) return false;
  if (numbers !== undefined && !numbers.has(letter.number)) return false;
  return reason === undefined || letter.reason.toLowerCase().includes(reason.toLowerCase());
}

export function isEmptyFilter(filter: DeadLetterFilter): boolean {
  return Object.values(filter).every((condition) => condition === undefined);
}

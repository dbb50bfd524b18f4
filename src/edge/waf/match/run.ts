/**
 * What one transaction may spend on matching, and what the last match found. Steps are counted, never timed: the same request costs
 * the same on every machine. One run serves a whole transaction; operators write their findings into it, nothing is allocated.
 */
import type { Bytes } from "./bytes.ts";

/** TX:0 to TX:9, as ModSecurity has them. */
export const CAPTURES_MAX = 10;
/** Of one capture; what is beyond it is cut: captures are for log lines and short comparisons. */
export const CAPTURE_BYTES_MAX = 4096;

export class MatchRun {
  /** Roughly one step per byte and automaton, or per step back of a backtracking matcher. */
  stepsLeft: number;
  /** Set once the steps are spent: every later match says no, so the caller must look at this before it believes a no. */
  isExhausted = false;
  /** Set by the caller before a match whose rule has `capture`. */
  wantsCaptures = false;
  /** After a match: the whole and the groups (bounded), when they were asked for; `captureCount` of them are valid. */
  readonly captures: Bytes[] = new Array<Bytes>(CAPTURES_MAX).fill("");
  captureCount = 0;
  /** After a match: what a log should show of it, where the operator knows more than the whole value; else "". */
  note: Bytes = "";

  constructor(stepsMax: number) {
    this.stepsLeft = stepsMax;
  }

  /** False when nothing is left to spend. */
  spend(steps: number): boolean {
    if (this.isExhausted) return false;
    this.stepsLeft -= steps;
    if (this.stepsLeft < 0) this.isExhausted = true;
    return !this.isExhausted;
  }

  capture(index: number, value: Bytes): void {
    if (index >= CAPTURES_MAX) return;
    this.captures[index] = value.length > CAPTURE_BYTES_MAX ? value.slice(0, CAPTURE_BYTES_MAX) : value;
    if (index >= this.captureCount) this.captureCount = index + 1;
  }
}

/**
 * What looking for expressions in one message may cost, in steps of the matching engine: so many for each byte, and some for short texts
 * and for automata that are not built yet. Each expression has its own, and all texts of a message spend from it: a thousand short ones get
 * no more than a long one.
 */
import { Failure } from "../../../base/errors.ts";
import { type Bytes, MatchRun, type Regex } from "../../waf/match/index.ts";

/** Automata take four for a byte that is found; simple look-around five to seven, all others are too hard. */
const STEPS_PER_BYTE = 12;
/** Some milliseconds. */
const STEPS_MIN = 500_000;
/** Of look-around and references, whose steps are slow: half a second. Automata are bounded by the bytes alone. */
const BACKTRACKING_STEPS_MAX = 20_000_000;

export class MaskBudget {
  readonly #runs = new Map<Regex, MatchRun>();
  #bytes = 0;

  /** For a message of so many bytes. Of what one before it has left no more is kept than a short one gets. */
  grant(bytes: number): void {
    this.#bytes = bytes;
    for (const [regex, run] of this.#runs) run.stepsLeft = stepsFor(regex, bytes, Math.min(run.stepsLeft, STEPS_MIN));
  }

  /** So many bytes more of a message that comes in pieces. */
  add(bytes: number): void {
    const before = this.#bytes;
    this.#bytes += bytes;
    for (const [regex, run] of this.#runs)
      run.stepsLeft += stepsFor(regex, this.#bytes, STEPS_MIN) - stepsFor(regex, before, STEPS_MIN);
  }

  /** Throws `gateway.body_unreadable`: what takes too long to look for was not found, and so must not be let through. */
  spans(regex: Regex, text: Bytes): readonly (readonly [begin: number, end: number])[] {
    let run = this.#runs.get(regex);
    if (run === undefined) {
      run = new MatchRun(stepsFor(regex, this.#bytes, STEPS_MIN));
      this.#runs.set(regex, run);
    }
    const found = regex.spans(text, run);
    if (run.isExhausted) throw tooHard(this.#bytes);
    return found;
  }
}

function stepsFor(regex: Regex, bytes: number, more: number): number {
  const steps = more + bytes * STEPS_PER_BYTE;
  return regex.isIrregular ? Math.min(steps, BACKTRACKING_STEPS_MAX) : steps;
}

function tooHard(bytes: number): Failure {
  return new Failure(
    "gateway.body_unreadable",
    `looking for a mask's expression in ${bytes} bytes: it takes too many steps, a simpler expression or less text is required`,
  );
}

/**
 * Lifeguard's local health: a score of how likely the fault is here. Answers lower it; probes that fail, helpers that do not
 * even say no, suspicions that this node has to refute, and coming too late for its own deadlines raise it.
 */
export class LocalHealth {
  readonly #max: number;
  #score = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** 0 is well. */
  get score(): number {
    return this.#score;
  }

  change(by: number): void {
    this.#score = Math.min(this.#max, Math.max(0, this.#score + by));
  }
}

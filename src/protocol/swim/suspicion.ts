/**
 * A suspicion under way: who says so, since when, and until when. Each independent confirmation shortens it (Lifeguard's
 * dogpile); those beyond the number wanted change nothing and are not kept.
 */
import type { Confirmation } from "./explanation.ts";

export class Suspicion {
  readonly startMs: number;
  readonly wanted: number;
  readonly #confirmations: Confirmation[];

  /** `startMs` on the machine's clock, `atMs` on the caller's. */
  constructor(by: string, startMs: number, atMs: number, wanted: number) {
    this.startMs = startMs;
    this.wanted = wanted;
    this.#confirmations = [{ by, atMs }];
  }

  /** The first one who said so included. */
  get confirmations(): readonly Confirmation[] {
    return this.#confirmations;
  }

  /** Others than the first one. */
  get confirmed(): number {
    return this.#confirmations.length - 1;
  }

  /** Is this new, and does it count? */
  confirm(by: string, atMs: number): boolean {
    if (this.confirmed >= this.wanted || this.#confirmations.some((each) => each.by === by)) return false;
    this.#confirmations.push({ by, atMs });
    return true;
  }
}

/**
 * Remembers the ids of tokens that were accepted, so that each is accepted once. Time is monotonic here: a wall clock that is
 * set back makes an expired token look fresh again. So an id that has outlived its token stays as long as there is room, and
 * when all of them are needed still, it refuses rather than forgets. Only genuine tokens come this far: strangers cannot fill it.
 */
export type Use = "first" | "again" | "full";

export class UsedTokens {
  /** In the order of arrival, which is that of the times, for each is needed equally long. */
  readonly #neededUntilMs = new Map<string, number>();
  readonly #max: number;
  readonly #neededMs: number;

  /** `neededMs`: a token can be accepted for so long while no clock is set. */
  constructor(max: number, neededMs: number) {
    this.#max = max;
    this.#neededMs = neededMs;
  }

  get size(): number {
    return this.#neededUntilMs.size;
  }

  /** `nowMs` of the monotonic clock. */
  use(id: string, nowMs: number): Use {
    if (this.#neededUntilMs.has(id)) return "again";
    if (this.#neededUntilMs.size >= this.#max && !this.#makeRoom(nowMs)) return "full";
    this.#neededUntilMs.set(id, nowMs + this.#neededMs);
    return "first";
  }

  #makeRoom(nowMs: number): boolean {
    for (const [id, untilMs] of this.#neededUntilMs) {
      if (untilMs >= nowMs) return false;
      this.#neededUntilMs.delete(id);
      return true;
    }
    return false;
  }
}

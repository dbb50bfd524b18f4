/**
 * Remembers the ids of tokens that were accepted until they have expired, so that each is accepted once. Only genuine tokens
 * come this far, so strangers cannot fill it; when it is full all the same, it refuses rather than forgets.
 */
export type Use = "first" | "again" | "full";

export class UsedTokens {
  /** In the order of arrival, which is nearly that of expiry: one that expires early waits behind one that does not. */
  readonly #untilMs = new Map<string, number>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#untilMs.size;
  }

  use(id: string, untilMs: number, nowMs: number): Use {
    this.#forgetExpired(nowMs);
    if (this.#untilMs.has(id)) return "again";
    if (this.#untilMs.size >= this.#max) return "full";
    this.#untilMs.set(id, untilMs);
    return "first";
  }

  #forgetExpired(nowMs: number): void {
    for (const [id, untilMs] of this.#untilMs) {
      if (untilMs >= nowMs) return;
      this.#untilMs.delete(id);
    }
  }
}

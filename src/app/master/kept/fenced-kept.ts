/**
 * What the masters keep, for as long as one of them leads: when that is over nothing more goes through here, whoever still tries.
 * Who lays down in order waits before that until what is under way is written.
 */
import { Failure, messageOf } from "../../../base/errors.ts";
import { DEPOSED, isDeposed, type KeptChange, type KeptEntry, type KeptState } from "../../../base/kept-state.ts";

export class FencedKept implements KeptState {
  readonly #kept: KeptState;
  readonly #deposed: (reason: string) => void;
  #underWay = 0;
  #reason: string | undefined;
  readonly #waiting: (() => void)[] = [];

  /** `deposed` is told once, when a write is refused because another master leads. */
  constructor(kept: KeptState, deposed: (reason: string) => void) {
    this.#kept = kept;
    this.#deposed = deposed;
  }

  get(key: string): Uint8Array | undefined {
    return this.#kept.get(key);
  }

  list(prefix: string): readonly KeptEntry[] {
    return this.#kept.list(prefix);
  }

  async write(changes: readonly KeptChange[]): Promise<void> {
    if (this.#reason !== undefined) {
      throw new Failure(DEPOSED, `this master has laid down: ${this.#reason}`, { data: { isUntouched: true } });
    }
    this.#underWay++;
    try {
      await this.#kept.write(changes);
    } catch (thrown) {
      if (isDeposed(thrown) && this.#reason === undefined) {
        this.fence(messageOf(thrown));
        this.#deposed(messageOf(thrown));
      }
      throw thrown;
    } finally {
      this.#underWay--;
      for (const look of this.#waiting.splice(0)) look();
    }
  }

  /** Resolves when nothing is being written; who has waited for a write has had his turn to write again. */
  async idle(): Promise<void> {
    for (;;) {
      await new Promise<void>(setImmediate);
      if (this.#underWay === 0) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Refuses every write from now on. */
  fence(reason: string): void {
    this.#reason ??= reason;
  }
}

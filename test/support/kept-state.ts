/** A kept state in memory, whose writes fail, wait, or come too late when a test says so. */
import { Failure } from "../../src/base/errors.ts";
import {
  DEPOSED,
  KEPT_VALUE_BYTES_MAX,
  KEPT_WRITE_BYTES_MAX,
  KEPT_WRITE_CHANGES_MAX,
  type KeptChange,
  type KeptEntry,
  type KeptState,
} from "../../src/base/kept-state.ts";

export class MemoryKept implements KeptState {
  /** Each write that was made. */
  readonly writes: (readonly KeptChange[])[] = [];
  readonly values: Map<string, Uint8Array>;
  #refusal: Failure | undefined;
  #isUnsure = false;
  #held: PromiseWithResolvers<void> | undefined;
  #isDeposed = false;

  /** `values` of another one make this its next life. */
  constructor(values = new Map<string, Uint8Array>()) {
    this.values = values;
  }

  /** Until it is told undefined, writes fail with this; when it is unsure, they are made all the same. */
  refuse(refusal: Failure | undefined, isUnsure = false): void {
    this.#refusal = refusal;
    this.#isUnsure = isUnsure;
  }

  fill(): void {
    this.refuse(new Failure("consensus.disk_full", "disk is full", { retryable: true }));
  }

  /** Somebody else leads: nothing is written any more. */
  depose(): void {
    this.#isDeposed = true;
  }

  /** Writes wait for `release`. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  get(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  list(prefix: string): readonly KeptEntry[] {
    const keys = [...this.values.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => ({ key, value: this.values.get(key)! }));
  }

  async write(changes: readonly KeptChange[]): Promise<void> {
    requireBounds(changes);
    const copied = changes.map((change) => ("value" in change ? { ...change, value: change.value.slice() } : change));
    await this.#held?.promise;
    if (this.#isDeposed) throw new Failure(DEPOSED, "another master leads");
    if (this.#refusal && !this.#isUnsure) throw this.#refusal;
    this.writes.push(copied);
    for (const change of copied) {
      if ("value" in change) this.values.set(change.key, change.value);
      else this.values.delete(change.key);
    }
    if (this.#refusal) throw this.#refusal;
  }
}

function requireBounds(changes: readonly KeptChange[]): void {
  const sizes = changes.map((change) => change.key.length + ("value" in change ? change.value.length : 0));
  const large = changes.find((change) => "value" in change && change.value.length > KEPT_VALUE_BYTES_MAX);
  const bytes = sizes.reduce((sum, each) => sum + each, 0);
  if (large || bytes > KEPT_WRITE_BYTES_MAX || changes.length > KEPT_WRITE_CHANGES_MAX)
    throw new Error(`a write of ${changes.length} changes with ${bytes} bytes is out of bounds`);
}

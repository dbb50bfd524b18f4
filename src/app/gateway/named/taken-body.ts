/** Bodies taken whole into memory, as what named targets ask needs it: each within a bound, and all together within another. */
import { Failure } from "../../../base/errors.ts";
import { type BodySink, type BodySource, KeptBytes } from "../../../wire/http/index.ts";

/** Of all bodies that wait for an answer: eight of the largest that pipelines take. */
export const BODIES_BYTES_MAX = 128 * 1024 * 1024;
/** Others have been answered by then. */
const RETRY_AFTER_MS = 1_000;

/** What all of them may take together. */
export class BodyBudget {
  readonly #max: number;
  #used = 0;

  constructor(max = BODIES_BYTES_MAX) {
    this.#max = max;
  }

  get usedBytes(): number {
    return this.#used;
  }

  take(bytes: number): boolean {
    if (this.#used + bytes > this.#max) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }

  get refusal(): Failure {
    const message = `${this.#used} bytes of bodies wait for answers; ${this.#max} together are allowed`;
    return new Failure("gateway.bodies_full", message, { retryable: true, data: { retryAfterMs: RETRY_AFTER_MS } });
  }
}

export class TakenBody implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #bytesMax: number;
  readonly #budget: BodyBudget;
  #done: ((outcome: Uint8Array | Failure) => void) | undefined;
  #kept = new KeptBytes();
  /** As it counts in the budget. */
  #size = 0;

  /** `done` is called once at most: with all bytes, `gateway.body_too_large`, `gateway.bodies_full`, or what broke it. */
  constructor(bytesMax: number, budget: BodyBudget, done: (outcome: Uint8Array | Failure) => void) {
    this.#bytesMax = bytesMax;
    this.#budget = budget;
    this.#done = done;
  }

  /** One that tells a length that is too large is not begun. */
  takeFrom(source: BodySource): void {
    if (source.length === undefined || source.length <= this.#bytesMax) return source.start(this);
    const failure = this.#tooLarge(source.length);
    source.cancel(failure);
    this.#finish(failure);
  }

  write(chunk: Uint8Array): boolean {
    if (!this.#done) return false;
    const size = this.#size + chunk.byteLength;
    if (size > this.#bytesMax) return this.#refuse(this.#tooLarge(size));
    if (!this.#budget.take(chunk.byteLength)) return this.#refuse(this.#budget.refusal);
    this.#size = size;
    this.#kept.push(chunk);
    return true;
  }

  end(): void {
    this.#finish(this.#kept.takeAll());
  }

  abort(cause: Failure): void {
    this.#finish(cause);
  }

  /** Nobody wants it any more: `done` is not called, and its sender is told where it has not come whole. */
  drop(cause: Failure): void {
    const isUnderWay = this.#done !== undefined;
    this.#done = undefined;
    this.release();
    if (isUnderWay) this.onCancel?.(cause);
  }

  /** It was answered: its bytes count no more. */
  release(): void {
    this.#kept = new KeptBytes();
    this.#budget.give(this.#size);
    this.#size = 0;
  }

  #refuse(failure: Failure): false {
    this.#finish(failure);
    this.onCancel?.(failure);
    return false;
  }

  #finish(outcome: Uint8Array | Failure): void {
    const done = this.#done;
    this.#done = undefined;
    if (outcome instanceof Failure) this.release();
    done?.(outcome);
  }

  #tooLarge(bytes: number): Failure {
    const message = `the body has ${bytes} bytes or more; at most ${this.#bytesMax} are allowed`;
    return new Failure("gateway.body_too_large", message, { data: { bytesMax: this.#bytesMax } });
  }
}

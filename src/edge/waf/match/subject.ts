/**
 * A value under test with what is already known of it: its transformed forms and which patterns can match at all. Rules share chains of
 * transformations, and most transformations change nothing: then the form is the subject itself and nothing is computed twice.
 */
import type { Bytes } from "./bytes.ts";
import { kindsOf } from "./kinds.ts";
import type { OperatorFilter, Prefilter } from "./prefilter.ts";
import type { MatchRun } from "./run.ts";
import type { Transformation, TransformChain } from "./transform/chain.ts";

/** Longer values keep what was read of them: their forms in another case need not be read again. */
const SCANNED_ONCE_BYTES_MIN = 64;

export class Subject {
  readonly value: Bytes;
  #kinds = 0;
  #hasKinds = false;
  /** Bits of transformations that leave it as it is, by their ids: those up to 31, and the others. */
  #idle = 0;
  #idleToo = 0;
  #ids: number[] | undefined;
  #forms: Subject[] | undefined;
  /** The value that this one is but for the case of its letters. */
  #same: Subject | undefined;
  #literals: Int32Array | undefined;
  #literalsBy: Prefilter | undefined;
  #hits: number[] | undefined;
  /** Of the filter when it was scanned. */
  #epoch: object | undefined;

  constructor(value: Bytes) {
    this.value = value;
  }

  /** Which kinds of bytes are in it; see kinds.ts. */
  get kinds(): number {
    if (this.#hasKinds) return this.#kinds;
    this.#hasKinds = true;
    this.#kinds = kindsOf(this.value);
    return this.#kinds;
  }

  /** The value after the whole chain. Costs steps only where a form is new. */
  through(chain: TransformChain, run: MatchRun): Subject {
    const { steps } = chain;
    let form: Subject = this;
    for (let at = 0; at < steps.length; at += 1) form = form.after(steps[at]!, run);
    return form;
  }

  /** The value after one transformation, for `multiMatch`. */
  after(step: Transformation, run: MatchRun): Subject {
    if (step.triggers !== undefined && (this.kinds & step.triggers) === 0) return this;
    const { id } = step;
    const bit = 1 << (id & 31);
    if (((id < 32 ? this.#idle : this.#idleToo) & bit) !== 0) return this;
    if (this.#ids !== undefined) {
      const at = this.#ids.indexOf(id);
      if (at >= 0) return this.#forms![at]!;
    }
    run.spend(this.value.length);
    if (run.isExhausted) return this;
    const value = step.apply(this.value);
    if (value !== this.value) {
      const form = this.#keep(id, new Subject(value));
      if (step.isCaseOnly && value.length > SCANNED_ONCE_BYTES_MIN) form.#same = this;
      return form;
    }
    if (id < 32) this.#idle |= bit;
    else this.#idleToo |= bit;
    return this;
  }

  #keep(id: number, form: Subject): Subject {
    if (this.#ids === undefined) {
      this.#ids = [id];
      this.#forms = [form];
    } else {
      this.#ids.push(id);
      this.#forms!.push(form);
    }
    return form;
  }

  /** Bits of patterns that can match this value: scanned once. `excludes` takes away bits. */
  hits(prefilter: Prefilter, run: MatchRun): number[] {
    if (this.#epoch === prefilter.epoch) return this.#hits!;
    if (this.value.length > SCANNED_ONCE_BYTES_MIN)
      this.#hits = prefilter.allowed(this.#literalsOf(prefilter, run), this.kinds);
    else {
      run.spend(this.value.length);
      this.#hits = prefilter.scan(this.value, this.kinds);
    }
    this.#epoch = prefilter.epoch;
    return this.#hits;
  }

  /** The filter does not look at case: one reading serves all that differ in it only. */
  #literalsOf(prefilter: Prefilter, run: MatchRun): Int32Array {
    if (this.#same !== undefined) return this.#same.#literalsOf(prefilter, run);
    if (this.#literalsBy === prefilter) return this.#literals!;
    run.spend(this.value.length);
    this.#literals = prefilter.literals(this.value).slice();
    this.#literalsBy = prefilter;
    return this.#literals;
  }

  /** It was looked at and does not match. */
  excludes({ mask, prefilter, word }: OperatorFilter): void {
    const hits = this.#hits;
    if (hits === undefined || this.#epoch !== prefilter.epoch || hits === prefilter.none) return;
    hits[word]! &= ~mask;
    for (let at = 0; at < hits.length; at += 1) if (hits[at] !== 0) return;
    this.#hits = prefilter.none;
  }
}

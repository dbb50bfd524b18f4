/**
 * Count, sum, least and greatest of the numbers of a group. The sum carries what additions lose (Neumaier): ten times 0.1 is 1.
 * A number too great for a double (1e400) is passed over; a sum too great for one is null from then on.
 */
export type MomentsState = readonly [count: number, sum: number | null, lost: number | null, min: number, max: number];

export class Moments {
  #count = 0;
  #sum = 0;
  #lost = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  add(value: number): void {
    if (!Number.isFinite(value)) return;
    const sum = this.#sum + value;
    this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
    this.#count++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  // Each is null when there was no number: the sum of nothing is not zero in a report.
  sum(): number | null {
    const sum = this.#sum + this.#lost;
    return this.#count === 0 || !Number.isFinite(sum) ? null : sum;
  }

  mean(): number | null {
    const sum = this.sum();
    return sum === null ? null : sum / this.#count;
  }

  min(): number | null {
    return this.#count === 0 ? null : this.#min;
  }

  max(): number | null {
    return this.#count === 0 ? null : this.#max;
  }

  /** JSON has no word for a sum that overflowed: null says so, and not-a-number stays that forever. */
  snapshot(): MomentsState | null {
    if (this.#count === 0) return null;
    return [this.#count, finite(this.#sum), finite(this.#lost), this.#min, this.#max];
  }

  static restore(state: MomentsState | null): Moments {
    const moments = new Moments();
    if (state === null) return moments;
    const [count, sum, lost, min, max] = state;
    moments.#count = count;
    moments.#sum = sum ?? Number.NaN;
    moments.#lost = lost ?? Number.NaN;
    moments.#min = min;
    moments.#max = max;
    return moments;
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

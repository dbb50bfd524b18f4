/** Count, sum, least and greatest of the numbers of a group. The sum carries what additions lose (Neumaier): ten times 0.1 is 1. */
export type MomentsState = readonly [count: number, sum: number, lost: number, min: number, max: number];

export class Moments {
  #count = 0;
  #sum = 0;
  #lost = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  add(value: number): void {
    if (Number.isNaN(value)) return;
    const sum = this.#sum + value;
    this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
    this.#count++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  // Each is null when there was no number: the sum of nothing is not zero in a report.
  sum(): number | null {
    return this.#count === 0 ? null : this.#sum + this.#lost;
  }

  mean(): number | null {
    return this.#count === 0 ? null : (this.#sum + this.#lost) / this.#count;
  }

  min(): number | null {
    return this.#count === 0 ? null : this.#min;
  }

  max(): number | null {
    return this.#count === 0 ? null : this.#max;
  }

  snapshot(): MomentsState | null {
    return this.#count === 0 ? null : [this.#count, this.#sum, this.#lost, this.#min, this.#max];
  }

  static restore(state: MomentsState | null): Moments {
    const moments = new Moments();
    if (state !== null) [moments.#count, moments.#sum, moments.#lost, moments.#min, moments.#max] = state;
    return moments;
  }
}

/**
 * Who is the oldest of the batches that a worker has. Where order counts they are numbered as the source cut them, and all of
 * them come; elsewhere by their arrival, because one that comes again after another worker was lost must not have to wait
 * for younger ones that wait for it. A batch counts until it is through all stages; its result may stay longer.
 */
export class ArrivalOrder {
  readonly #bySeq: boolean;
  readonly #ended = new Set<number>();
  readonly #waiting = new Map<number, () => void>();
  /** The oldest that is not through. */
  #oldest: number;
  #arrived: number;

  constructor(bySeq: boolean, firstSeq: number) {
    this.#bySeq = bySeq;
    this.#oldest = this.#arrived = bySeq ? firstSeq : 0;
  }

  /** The batch's number here. */
  begin(seq: number): number {
    return this.#bySeq ? seq : this.#arrived++;
  }

  end(number: number): void {
    this.#ended.add(number);
    while (this.#ended.delete(this.#oldest)) this.#oldest++;
    this.#waiting.get(this.#oldest)?.();
    this.#waiting.delete(this.#oldest);
  }

  /** It was lost on its way here. By its arrival it is another one when it comes again; by the source's number it is still awaited. */
  lost(number: number): void {
    if (!this.#bySeq) this.end(number);
  }

  untilOldest(number: number): Promise<void> {
    if (number <= this.#oldest) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(number, resolve));
  }
}

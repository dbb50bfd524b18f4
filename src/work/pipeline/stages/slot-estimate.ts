/** How large the output of the next batch will be, from those before: a good guess saves the host a question. */

/** A first guess before anything was seen: parsing adds an index, plugins add columns. */
const FIRST_RATIO = 2;
/** Room above what was seen last. */
const MARGIN = 1.2;
const LEAST_BYTES = 64 * 1024;

export class SlotEstimate {
  #ratio = FIRST_RATIO;

  bytesFor(inputBytes: number, shareBytes: number): number {
    return Math.min(shareBytes, Math.max(LEAST_BYTES, Math.ceil(inputBytes * this.#ratio * MARGIN)));
  }

  saw(inputBytes: number, outputBytes: number): void {
    if (inputBytes >= LEAST_BYTES) this.#ratio = Math.max(outputBytes / inputBytes, this.#ratio * 0.9);
  }
}

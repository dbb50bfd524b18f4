/** What is wrong with each row of one batch, in the order in which the rules found it; bounded per row. */
const REASONS_MAX = 20; // enough to see everything about a broken record; a list with a million bad items must not grow the batch

export class Reasons {
  readonly #byRow = new Map<number, string[]>();

  add(row: number, reason: string): void {
    const reasons = this.#byRow.get(row);
    if (reasons === undefined) this.#byRow.set(row, [reason]);
    else if (reasons.length < REASONS_MAX) reasons.push(reason);
    else if (reasons.length === REASONS_MAX) reasons.push("… and more");
  }

  /** Rows with reasons, in row order. */
  *entries(): Generator<readonly [number, readonly string[]]> {
    const rows = [...this.#byRow.keys()].sort((a, b) => a - b);
    for (const row of rows) yield [row, this.#byRow.get(row)!];
  }
}

/**
 * Finds the records that make a batch fail. Halves that pass are innocent, halves that fail are halved again, and a
 * record alone is guilty only when it fails as often as the stage's retries allow: an accident from outside does not
 * condemn it. The plugin's results are thrown away here; the batch runs once more without the guilty ones.
 */
import type { DeadRow, RowRange } from "../../../process/plugin/index.ts";
import { countRows, splitRanges } from "./row-ranges.ts";
import type { Outcome } from "./types.ts";

/** A plugin that crashes on nearly every record would keep us here for hours at some 50 ms a process. */
export const PROBE_CRASHES_MAX = 400;

export type Failed = Extract<Outcome, { kind: "failed" }>;

/** Runs the rows for nothing but the verdict. */
export type Probe = (ranges: readonly RowRange[]) => Promise<Failed | undefined>;

/** Asked before each probe, with the number of records convicted since one last passed. False ends the search with what it has. */
export type GoOn = (convictedInARow: number) => boolean;

export async function findPoison(
  rows: readonly RowRange[],
  attempts: number,
  probe: Probe,
  goOn: GoOn = () => true,
): Promise<DeadRow[]> {
  const search = new Search(attempts, probe, goOn);
  await search.within(rows);
  return search.poison;
}

class Search {
  readonly poison: DeadRow[] = [];
  readonly #attempts: number;
  readonly #probe: Probe;
  readonly #goOn: GoOn;
  #crashes = 0;
  #convictedInARow = 0;
  #ended = false;

  constructor(attempts: number, probe: Probe, goOn: GoOn) {
    this.#attempts = attempts;
    this.#probe = probe;
    this.#goOn = goOn;
  }

  async within(ranges: readonly RowRange[]): Promise<void> {
    const rows = countRows(ranges);
    if (rows === 0) return;
    if (rows === 1) return this.#convict(ranges[0]![0]);
    for (const half of splitRanges(ranges)) {
      const failure = await this.#try(half);
      if (!failure) continue;
      if (this.#crashes > PROBE_CRASHES_MAX) this.#giveUp(half, failure);
      else await this.within(half);
    }
  }

  async #convict(row: number): Promise<void> {
    let failure: Failed | undefined;
    for (let attempt = 1; attempt <= this.#attempts; attempt++) {
      failure = await this.#try([[row, row + 1]]);
      if (!failure) return;
    }
    this.#convictedInARow++;
    if (failure) this.poison.push({ row, reason: failure.reason, attempts: this.#attempts });
  }

  async #try(ranges: readonly RowRange[]): Promise<Failed | undefined> {
    this.#ended ||= !this.#goOn(this.#convictedInARow);
    if (this.#ended) return undefined; // as if it had passed: nobody else is convicted
    const failure = await this.#probe(ranges);
    if (!failure) this.#convictedInARow = 0;
    if (failure && failure.cause !== "error") this.#crashes++;
    return failure;
  }

  #giveUp(ranges: readonly RowRange[], failure: Failed): void {
    const reason = `${failure.reason} (with its neighbours; after ${PROBE_CRASHES_MAX} crashes in one batch nobody looks closer)`;
    for (const [from, to] of ranges) {
      for (let row = from; row < to; row++) this.poison.push({ row, reason, attempts: 1 });
    }
  }
}

/** What has been decided about the records of one batch in one stage, and the work for the hosts that follows from it. */
import type { Failure } from "../../../base/errors.ts";
import type { DeadRow, RowRange } from "../../../process/plugin/index.ts";
import { rangesWithout } from "./row-ranges.ts";
import type { Item, Work } from "./types.ts";

/** Has another library process one row; gives its records as NDJSON, or why it failed too. */
export type Fallback = (item: Item, row: number) => Promise<Rescued | Failure>;

export interface Rescued {
  readonly ndjson: string;
  readonly records: number;
}

export class Verdict {
  readonly dead: DeadRow[] = [];
  /** Rows in the batch; known once somebody had to look. */
  total: number | undefined;
  skipped = 0;
  /** Records that the fallback made fewer, or more, than it was given. */
  rescuedRows = 0;
  rescuedFiltered = 0;
  rescuedAdded = 0;
  readonly #excluded = new Set<number>();
  #rescued = "";

  /** Rows with a fate of their own. */
  get excludedRows(): number {
    return this.#excluded.size;
  }

  rows(): RowRange[] {
    return rangesWithout(this.total ?? 0, this.#excluded);
  }

  /** The whole batch until somebody was found guilty, then the rest of it. No rows are named as none: nobody need be asked. */
  work(): Work {
    if (this.#excluded.size === 0 && this.total !== 0) return { probe: false };
    const dead = this.dead.length > 0 ? { dead: this.dead } : {};
    const rescued = this.#rescued === "" ? {} : { rescued: this.#rescued };
    return { rows: this.rows(), ...dead, ...rescued, probe: false };
  }

  remainingRows(reason: string, attempts: number): DeadRow[] {
    const rows = this.rows().flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index));
    return rows.map((row) => ({ row, reason, attempts }));
  }

  condemn(poison: DeadRow): void {
    this.#excluded.add(poison.row);
    this.dead.push(poison);
  }

  skip(poison: DeadRow): void {
    this.#excluded.add(poison.row);
    this.skipped++;
  }

  rescue(poison: DeadRow, { ndjson, records }: Rescued): void {
    this.#excluded.add(poison.row);
    this.#rescued += ndjson;
    this.rescuedRows++;
    if (records === 0) this.rescuedFiltered++;
    else this.rescuedAdded += records - 1;
  }
}

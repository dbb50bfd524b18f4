/** How many letters there are, where they come from and why: groups by stage and reason, bounded in number. */
import { type DeadLetterFilter, matches } from "./filter.ts";
import type { DeadLetter } from "./letter.ts";
import { type DamagedLine, readEntries } from "./read.ts";

/** Reasons may quote values and so all differ; people read the first few. What comes later counts as `other`. */
const GROUPS_MAX = 1000;
/** Enough to see what happened; the count goes on. */
const DAMAGED_SHOWN_MAX = 20;

export interface DeadLetterGroup {
  readonly stage: string;
  readonly reason: string;
  readonly count: number;
  /** Number of the first letter of the group, an example to look at. */
  readonly example: number;
}

export interface DeadLetterSummary {
  readonly letters: number;
  readonly records: number;
  readonly texts: number;
  readonly firstTime?: string;
  readonly lastTime?: string;
  /** Largest first. */
  readonly groups: readonly DeadLetterGroup[];
  /** Letters beyond the groups. */
  readonly other: number;
  readonly damaged: { readonly count: number; readonly first: readonly DamagedLine[] };
}

export async function summariseDeadLetters(path: string, filter: DeadLetterFilter = {}): Promise<DeadLetterSummary> {
  const tally = new Tally();
  for await (const { entry } of readEntries(path)) {
    if (entry.kind === "damaged") tally.addDamaged(entry.damaged);
    else if (matches(entry.letter, filter)) tally.addLetter(entry.letter);
  }
  return tally.summary();
}

class Tally {
  readonly #groups = new Map<string, { -readonly [K in keyof DeadLetterGroup]: DeadLetterGroup[K] }>();
  readonly #damaged: DamagedLine[] = [];
  #damagedCount = 0;
  #records = 0;
  #texts = 0;
  #other = 0;
  #firstTime: string | undefined;
  #lastTime: string | undefined;

  addDamaged(line: DamagedLine): void {
    this.#damagedCount++;
    if (this.#damaged.length < DAMAGED_SHOWN_MAX) this.#damaged.push(line);
  }

  addLetter({ payload, time, stage, reason, number }: DeadLetter): void {
    if (payload.kind === "record") this.#records++;
    else this.#texts++;
    if (this.#firstTime === undefined || time < this.#firstTime) this.#firstTime = time;
    if (this.#lastTime === undefined || time > this.#lastTime) this.#lastTime = time;
    const key = JSON.stringify([stage, reason]);
    const group = this.#groups.get(key);
    if (group) group.count++;
    else if (this.#groups.size < GROUPS_MAX) this.#groups.set(key, { stage, reason, count: 1, example: number });
    else this.#other++;
  }

  summary(): DeadLetterSummary {
    return {
      letters: this.#records + this.#texts,
      records: this.#records,
      texts: this.#texts,
      ...(this.#firstTime !== undefined && { firstTime: this.#firstTime }),
      ...(this.#lastTime !== undefined && { lastTime: this.#lastTime }),
      groups: [...this.#groups.values()].toSorted(
        (left, right) => right.count - left.count || left.example - right.example,
      ),
      other: this.#other,
      damaged: { count: this.#damagedCount, first: this.#damaged },
    };
  }
}

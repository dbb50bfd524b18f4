/** What the oracle remembers of one log: term and content of each entry behind a base, and the configurations among them. */
import type { Configuration, Entry, SnapshotInfo } from "../../../src/protocol/raft/index.ts";
import { entryTag } from "./raft-wire.ts";

export const NOBODY: Configuration = { voters: [], votersOutgoing: [], learners: [] };

interface Change {
  readonly index: number;
  readonly configuration: Configuration;
}

export class EntryLog {
  base = 0;
  #terms: number[] = [0];
  #tags: number[] = [0];
  /** The first is what was in force at the base. */
  #changes: Change[] = [{ index: 0, configuration: NOBODY }];

  static of(snapshot: SnapshotInfo | undefined, entries: readonly Entry[], configuration?: Configuration): EntryLog {
    const log = new EntryLog();
    if (configuration !== undefined) log.#changes = [{ index: 0, configuration }];
    if (snapshot !== undefined) log.reset(snapshot);
    log.place(entries);
    return log;
  }

  get last(): number {
    return this.base + this.#terms.length - 1;
  }

  /** The one that is last in the log, committed or not. */
  get change(): Change {
    return this.#changes.at(-1)!;
  }

  termAt(index: number): number | undefined {
    return index < this.base ? undefined : this.#terms[index - this.base];
  }

  tagAt(index: number): number | undefined {
    return index <= this.base ? undefined : this.#tags[index - this.base];
  }

  covers(index: number): boolean {
    return index <= this.base;
  }

  has(index: number, term: number): boolean {
    return index <= this.base || this.#terms[index - this.base] === term;
  }

  place(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    this.#terms.length = first.index - this.base;
    this.#tags.length = first.index - this.base;
    while (this.change.index >= first.index && this.#changes.length > 1) this.#changes.pop();
    for (const entry of entries) {
      this.#terms.push(entry.term);
      this.#tags.push(entryTag(entry));
      if (entry.kind === "configuration") {
        this.#changes.push({ index: entry.index, configuration: entry.configuration });
      }
    }
  }

  reset({ index, term, configuration }: SnapshotInfo): void {
    this.base = index;
    this.#terms = [term];
    this.#tags = [0];
    this.#changes = [{ index, configuration }];
  }
}

/** Whether those for whom `has` holds are a majority of the voters, and of the outgoing ones while there are two majorities. */
export function isQuorum({ voters, votersOutgoing }: Configuration, has: (id: string) => boolean): boolean {
  const most = (ids: readonly string[]): boolean => 2 * ids.filter(has).length > ids.length;
  return most(voters) && (votersOutgoing.length === 0 || most(votersOutgoing));
}

/** Whether any majority before and any after have one in common. */
export function isSafeChange(before: Configuration, after: Configuration): boolean {
  const isSame = (left: readonly string[], right: readonly string[]): boolean =>
    left.length === right.length && left.every((id) => right.includes(id));
  if (before.votersOutgoing.length > 0) return after.votersOutgoing.length === 0 && isSame(before.voters, after.voters);
  if (after.votersOutgoing.length > 0) return isSame(before.voters, after.votersOutgoing);
  const only = (left: readonly string[], right: readonly string[]): number =>
    left.filter((id) => !right.includes(id)).length;
  return only(before.voters, after.voters) + only(after.voters, before.voters) <= 1;
}

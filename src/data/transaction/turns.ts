/**
 * Who is driven on next, when more waits than one look takes: those whose last turn is longest ago, and of one group only so many, so
 * that a group that is down keeps nobody else waiting. It belongs to whoever looks, and is no part of what is replicated.
 */
import { DUE_AT_ONCE_MAX, DUE_PER_GROUP_MAX } from "./limits.ts";

interface Waiting {
  readonly id: string;
  /** Those to be told or asked, each on its own. */
  readonly groups: readonly string[];
}

/** One line, in which who had his turn goes to the back. */
export class Line {
  #turn = 0;
  /** When each that still waits had its last turn. */
  #last: ReadonlyMap<string, number> = new Map();

  /** Of all that wait now, those whose turn it is; each with those of its groups that have room. */
  take<T extends Waiting>(waiting: readonly T[]): T[] {
    const turn = ++this.#turn;
    // Who has only just come is behind those who are waiting.
    const lastOf = ({ id }: Waiting): number => this.#last.get(id) ?? turn - 1;
    const last = new Map<string, number>();
    const perGroup = new Map<string, number>();
    const taken: T[] = [];
    let left = DUE_AT_ONCE_MAX;
    for (const each of waiting.toSorted((one, other) => lastOf(one) - lastOf(other))) {
      const room = each.groups.filter((group) => (perGroup.get(group) ?? 0) < DUE_PER_GROUP_MAX).slice(0, left);
      // Who has not got all keeps his place: he comes to the front, where there is room.
      last.set(each.id, room.length < each.groups.length ? lastOf(each) : turn);
      if (room.length === 0) continue;
      for (const group of room) perGroup.set(group, (perGroup.get(group) ?? 0) + 1);
      left -= room.length;
      taken.push({ ...each, groups: room });
    }
    this.#last = last;
    return taken;
  }
}

export class Turns {
  readonly unfinished = new Line();
  readonly inDoubt = new Line();
}

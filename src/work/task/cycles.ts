/**
 * Cycles by name. Tarjan's algorithm finds the groups of tasks that all wait for each other, in one walk; in each group a walk
 * breadth first from its lowest number gives a shortest cycle, which is what somebody has to mend. Without recursion: a chain of
 * 100,000 tasks would use up the stack.
 */
import { dependentsOf, type Needs } from "./order.ts";

/** One cycle of each group, at most `most`; each in the order of running, beginning with the group's lowest number. */
export function findCycles(tasks: readonly Needs[], most: number): number[][] {
  const dependents = dependentsOf(tasks);
  const groups = new Groups(dependents).find();
  const firsts = new Map<number, number>();
  const sizes = new Map<number, number>();
  for (const [task, group] of groups.entries()) {
    if (!firsts.has(group)) firsts.set(group, task);
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  const cycles: number[][] = [];
  for (const [group, first] of firsts) {
    if (cycles.length >= most) break;
    if (sizes.get(group)! > 1 || dependents[first]!.includes(first))
      cycles.push(cycleThrough(first, dependents, groups));
  }
  return cycles;
}

class Groups {
  readonly #dependents: readonly (readonly number[])[];
  /** When a task was first seen, from 1; 0 for never. */
  readonly #seen: Int32Array;
  /** The earliest that it leads back to. */
  readonly #low: Int32Array;
  readonly #group: Int32Array;
  readonly #open: number[] = [];
  #count = 0;

  constructor(dependents: readonly (readonly number[])[]) {
    this.#dependents = dependents;
    this.#seen = new Int32Array(dependents.length);
    this.#low = new Int32Array(dependents.length);
    this.#group = new Int32Array(dependents.length).fill(-1);
  }

  /** By task, the number of its group. */
  find(): Int32Array {
    for (let task = 0; task < this.#dependents.length; task++) if (this.#seen[task] === 0) this.#walk(task);
    return this.#group;
  }

  #walk(start: number): void {
    const path = [start];
    const next = [0];
    this.#enter(start);
    while (path.length > 0) {
      const task = path.at(-1)!;
      const child = this.#dependents[task]![next[next.length - 1]!++];
      if (child === undefined) {
        path.pop();
        next.pop();
        this.#leave(task, path.at(-1));
      } else if (this.#seen[child] === 0) {
        this.#enter(child);
        path.push(child);
        next.push(0);
      } else if (this.#group[child] === -1) this.#low[task] = Math.min(this.#low[task]!, this.#seen[child]!);
    }
  }

  #enter(task: number): void {
    this.#seen[task] = this.#low[task] = ++this.#count;
    this.#open.push(task);
  }

  #leave(task: number, parent: number | undefined): void {
    if (parent !== undefined) this.#low[parent] = Math.min(this.#low[parent]!, this.#low[task]!);
    if (this.#low[task] !== this.#seen[task]) return;
    for (let member = -1; member !== task; ) {
      member = this.#open.pop()!;
      this.#group[member] = task;
    }
  }
}

/** Within its group every task has a way back. */
function cycleThrough(start: number, dependents: readonly (readonly number[])[], groups: Int32Array): number[] {
  const from = new Map<number, number>();
  const queue = [start];
  for (let at = 0; ; at++) {
    const task = queue[at]!;
    for (const next of dependents[task]!) {
      if (next === start) return pathTo(task, start, from);
      if (groups[next] !== groups[start] || from.has(next)) continue;
      from.set(next, task);
      queue.push(next);
    }
  }
}

function pathTo(end: number, start: number, from: ReadonlyMap<number, number>): number[] {
  const path = [end];
  for (let at = end; at !== start; path.push(at)) at = from.get(at)!;
  return path.reverse();
}

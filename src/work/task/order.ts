/**
 * The order of a graph: Kahn's algorithm by levels, so that it is stable (within a level the file's order) and says at once what
 * may run together. Levels, the critical path, and cycles by name for a graph that has no order.
 */
import type { Need, Task } from "./types.ts";

export interface GraphOrder {
  /** Numbers of tasks, each behind all that it needs; tasks on a cycle or behind one are missing. */
  readonly order: readonly number[];
  /** By task: 0 for one that needs nothing, else one more than the highest level it needs; -1 for a missing one. */
  readonly levels: Int32Array;
}

export type Needs = Pick<Task, "needs">;

export function orderOf(tasks: readonly Needs[]): GraphOrder {
  const dependents = dependentsOf(tasks);
  const open = Int32Array.from(tasks, ({ needs }) => needs.length);
  const levels = new Int32Array(tasks.length).fill(-1);
  const order: number[] = [];
  let level = tasks.flatMap((_, index) => (open[index] === 0 ? [index] : []));
  for (let depth = 0; level.length > 0; depth++) {
    const next: number[] = [];
    for (const task of level) {
      order.push(task);
      levels[task] = depth;
      for (const dependent of dependents[task]!) {
        open[dependent] = open[dependent]! - 1;
        if (open[dependent] === 0) next.push(dependent);
      }
    }
    level = next.sort((left, right) => left - right);
  }
  return { order, levels };
}

/** By task, who needs it. */
export function dependentsOf(tasks: readonly Needs[]): readonly (readonly number[])[] {
  const dependents: number[][] = tasks.map(() => []);
  for (const [index, { needs }] of tasks.entries()) for (const { task } of needs) dependents[task]!.push(index);
  return dependents;
}

/** The same with how it is needed. */
export function dependentNeedsOf(tasks: readonly Needs[]): readonly (readonly Need[])[] {
  const dependents: Need[][] = tasks.map(() => []);
  for (const [index, { needs }] of tasks.entries()) {
    for (const { optional, task } of needs) dependents[task]!.push({ task: index, optional });
  }
  return dependents;
}

/** The chain of needs with the greatest sum of weights: nothing makes the run shorter than that. */
export function criticalPath(tasks: readonly Needs[], order: readonly number[], weight: (task: number) => number) {
  const longest = new Float64Array(tasks.length);
  const before = new Int32Array(tasks.length).fill(-1);
  let last = -1;
  for (const task of order) {
    for (const { task: need } of tasks[task]!.needs) {
      if (before[task] === -1 || longest[need]! > longest[before[task]!]!) before[task] = need;
    }
    longest[task] = weight(task) + (before[task] === -1 ? 0 : longest[before[task]!]!);
    if (last === -1 || longest[task]! > longest[last]!) last = task;
  }
  const path: number[] = [];
  for (let at = last; at !== -1; at = before[at]!) path.push(at);
  return { path: path.reverse(), weight: last === -1 ? 0 : longest[last]! };
}

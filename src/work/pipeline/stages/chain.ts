/**
 * The stages in their order, each between two edges, and what stays of them when the order changes. A host knows the memory
 * of its own two edges and no other, for its whole life: so a stage stays where it is, with its processes, when it is the
 * same and its edges are; who has other neighbours gets new processes beside the old ones. Pure but for `newEdge`.
 */
import type { StagePlan } from "./types.ts";

export interface Link<E> {
  readonly plan: StagePlan;
  readonly input: E;
  readonly output: E;
  /** Hands its batches to the sink, in the sink's form. */
  readonly last: boolean;
}

export interface Alignment<E, L extends Link<E>> {
  /** In order: a link that stays, or where a new one goes. */
  readonly links: readonly (L | Link<E>)[];
  readonly kept: ReadonlySet<L>;
}

/** Where the wanted stages go. An edge is never used twice in one chain: a batch holds at most one slot of an edge. */
export function alignChain<E, L extends Link<E>>(
  current: readonly L[],
  wanted: readonly StagePlan[],
  source: E,
  newEdge: () => E,
): Alignment<E, L> {
  const kept = new Set<L>();
  const used = new Set<E>([source]);
  const links: (L | Link<E>)[] = [];
  let input = source;
  wanted.forEach((plan, index) => {
    const last = index === wanted.length - 1;
    const link = current.find((each) => each.input === input && each.last === last && isSamePlan(each.plan, plan));
    if (link && !used.has(link.output)) {
      kept.add(link);
      links.push(link);
      input = link.output;
    } else {
      const output = outputFor(plan, wanted[index + 1], current, used) ?? newEdge();
      links.push({ plan, input, output, last });
      input = output;
    }
    used.add(input);
  });
  return { links, kept };
}

/** The edge that lets the next stage stay, else the one that a stage of this name wrote to. */
function outputFor<E>(
  plan: StagePlan,
  next: StagePlan | undefined,
  current: readonly Link<E>[],
  used: ReadonlySet<E>,
): E | undefined {
  const follower = next && current.find((each) => isSamePlan(each.plan, next) && !used.has(each.input));
  if (follower) return follower.input;
  const before = current.find((each) => each.plan.name === plan.name && !used.has(each.output));
  return before?.output;
}

export function isSamePlan(left: StagePlan, right: StagePlan): boolean {
  return Bun.deepEquals(left, right, true);
}

/** What may change while the stage's own bookkeeping goes on: the code, its parameters, and what its processes may use. */
const SWAPPABLE: ReadonlySet<keyof StagePlan> = new Set([
  "library",
  "revision",
  "params",
  "limits",
  "passEnv",
  "stateful",
  "exclusive",
]);

/** Whether new processes behind the same lanes are enough to come from one plan to the other. */
export function isSwap(from: StagePlan, to: StagePlan): boolean {
  const keys = Object.keys({ ...from, ...to }) as (keyof StagePlan)[]; // the keys of two plans
  return keys.every((key) => SWAPPABLE.has(key) || Bun.deepEquals(from[key], to[key], true));
}

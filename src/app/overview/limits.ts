/** How large an answer may become. A page shows no more at once, and a megabyte a second is what a look may cost at most. */
import type { CutList, TreeView } from "../../edge/dashboard/index.ts";

export const LIST_LIMITS = {
  /** Clusters are made for a few hundred nodes; a picture of more than 200 shows nothing. */
  nodes: 200,
  links: 200,
  pipelines: 100,
  /** Of one pipeline. */
  stages: 64,
  services: 200,
  /** Processes of one user on one machine. */
  instances: 50,
  /** Pipelines with dead letters. */
  deadLetters: 100,
  /** Of one pipeline. */
  reasons: 20,
  groups: 32,
  /** Of a gateway; files with more are written by programs. */
  routes: 100,
  /** Of one route. */
  targets: 16,
  /** Of one route, and of requests that reached none. */
  refusals: 20,
  firewalls: 16,
  proposals: 50,
} as const;

/** Of all trees together. */
export const TREE_NODES_MAX = 1_000;

/** The first of a list, and a note when there are more. */
export function bounded<T>(list: keyof typeof LIST_LIMITS, all: readonly T[], cut: CutList[]): readonly T[] {
  const shown = LIST_LIMITS[list];
  if (all.length <= shown) return all;
  cut.push({ list, shown, of: all.length });
  return all.slice(0, shown);
}

/** Counts down over several trees: what lies behind the last node allowed is left out. */
export class TreeBudget {
  #left: number;
  #refused = 0;
  constructor(nodesMax: number = TREE_NODES_MAX) {
    this.#left = nodesMax;
  }

  get refused(): number {
    return this.#refused;
  }

  take(tree: TreeView): TreeView {
    this.#left--;
    const children: TreeView[] = [];
    for (const child of tree.children) {
      if (this.#left > 0) children.push(this.take(child));
      else this.#refused += sizeOf(child);
    }
    return { ...tree, children };
  }
}

function sizeOf(tree: TreeView): number {
  return tree.children.reduce((size, child) => size + sizeOf(child), 1);
}

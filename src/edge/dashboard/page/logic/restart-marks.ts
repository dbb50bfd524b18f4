/** Marks what has restarted while the page looks, and for a while after: a number that grew from 3 to 4 is seen by nobody. */
import type { InstanceView, TreeView } from "../../words.ts";

/** Long enough to be seen by who looks away for a moment. */
export const MARK_MS = 60_000;

interface Seen {
  restarts: number;
  markedMs: number | undefined;
}

export class RestartMarks {
  #seen = new Map<string, Seen>();

  see(instances: readonly InstanceView[], nowMs: number): void {
    const next = new Map<string, Seen>();
    const visit = (tree: TreeView, path: string): void => {
      const before = this.#seen.get(path);
      const hasGrown = before !== undefined && tree.restarts > before.restarts;
      next.set(path, { restarts: tree.restarts, markedMs: hasGrown ? nowMs : before?.markedMs });
      for (const child of tree.children) visit(child, `${path}/${child.name}`);
    };
    for (const { pid, tree } of instances) visit(tree, treePath(pid, tree));
    this.#seen = next;
  }

  /** How long ago it restarted, when that is not long ago. */
  agoMs(path: string, nowMs: number): number | undefined {
    const markedMs = this.#seen.get(path)?.markedMs;
    return markedMs === undefined || nowMs - markedMs > MARK_MS ? undefined : nowMs - markedMs;
  }
}

/** Of a tree's root; those below have their names behind it, with slashes between. */
export function treePath(pid: number, root: TreeView): string {
  return `${pid}/${root.name}`;
}

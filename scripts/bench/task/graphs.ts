/** The graphs of the benchmark: so many tasks of a millisecond, in layers or in chains. */

/** In a layer, or side by side. */
export const WIDTH = 100;

export const SHAPES = ["chains", "layers"] as const;
export type Shape = (typeof SHAPES)[number];

interface BenchTask {
  readonly id: string;
  readonly needs: readonly string[];
}

/**
 * chains: so many side by side, each task behind the one before it, and one task behind them all: a tree, which is what a BullMQ
 * flow can say. layers: each task behind two of the layer before it.
 */
export function benchTasks(shape: Shape, count: number): readonly BenchTask[] {
  const body = shape === "chains" ? count - 1 : count;
  const tasks = Array.from({ length: body }, (_, index): BenchTask => {
    const [layer, place] = [Math.floor(index / WIDTH), index % WIDTH];
    const above = (shift: number): string => `t${layer - 1}-${(place + shift) % WIDTH}`;
    const needs = layer === 0 ? [] : shape === "chains" ? [above(0)] : [above(0), above(7)];
    return { id: `t${layer}-${place}`, needs };
  });
  if (shape === "layers") return tasks;
  const needed = new Set(tasks.flatMap(({ needs }) => needs));
  return [...tasks, { id: "root", needs: tasks.flatMap(({ id }) => (needed.has(id) ? [] : [id])) }];
}

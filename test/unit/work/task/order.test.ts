import { expect, test } from "bun:test";
import fc from "fast-check";
import { findCycles } from "../../../../src/work/task/cycles.ts";
import { mermaidText } from "../../../../src/work/task/index.ts";
import { escapeLabel } from "../../../../src/work/task/mermaid.ts";
import { criticalPath, orderOf } from "../../../../src/work/task/order.ts";
import { get, graphOf } from "./support.ts";

const needs = (...lists: number[][]) =>
  lists.map((list) => ({ needs: list.map((task) => ({ task, optional: false })) }));

/** Any graph, with cycles or without. */
const anyGraph = fc
  .integer({ min: 1, max: 12 })
  .chain((size) => fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 }), { minLength: size, maxLength: size }))
  .map((lists) => needs(...lists));

test("orderOf() gives levels, and within a level the order of the file", () => {
  const { levels, order } = orderOf(needs([3], [], [1, 0], [], [1]));
  expect(order).toEqual([1, 3, 0, 4, 2]);
  expect([...levels]).toEqual([1, 0, 2, 0, 1]);
});

test("orderOf() puts each task behind its needs, and misses those on a cycle or behind one", () => {
  fc.assert(
    fc.property(anyGraph, (graph) => {
      const { order } = orderOf(graph);
      const seen = new Set<number>();
      for (const task of order) {
        expect(graph[task]!.needs.every((need) => seen.has(need.task))).toBe(true);
        seen.add(task);
      }
      const stuck = graph.flatMap((_, task) => (seen.has(task) ? [] : [task]));
      for (const task of stuck) expect(graph[task]!.needs.some((need) => !seen.has(need.task))).toBe(true);
    }),
  );
});

test("findCycles() finds a cycle exactly where there is no order, and each is one", () => {
  fc.assert(
    fc.property(anyGraph, (graph) => {
      const cycles = findCycles(graph, 100);
      expect(cycles.length > 0).toBe(orderOf(graph).order.length < graph.length);
      for (const cycle of cycles) {
        expect(new Set(cycle).size).toBe(cycle.length);
        for (const [index, task] of cycle.entries()) {
          const before = cycle.at(index - 1)!;
          expect(graph[task]!.needs.some((need) => need.task === before)).toBe(true);
        }
      }
    }),
  );
});

test("findCycles() finds the cycle at the end of a chain of 100,000 tasks", () => {
  const chain = Array.from({ length: 100_000 }, (_, task) => (task === 0 ? [99_999] : [task - 1]));
  expect(findCycles(needs(...chain), 10)[0]).toHaveLength(100_000);
});

test("criticalPath() is the chain that weighs most, not the one with most tasks", () => {
  const graph = needs([], [0], [1], [], [2, 3]);
  const weights = [1, 1, 1, 10, 1];
  expect(criticalPath(graph, orderOf(graph).order, (task) => weights[task]!)).toEqual({ path: [3, 4], weight: 11 });
  expect(criticalPath(graph, orderOf(graph).order, () => 1)).toEqual({ path: [0, 1, 2, 4], weight: 4 });
});

test("mermaidText() draws tasks by number, optional needs dotted", () => {
  const graph = graphOf([
    get("end"),
    { id: "b", type: "plugin", library: "b.ts", needs: ["end"] },
    { id: "c", type: "pipeline", file: "c.txt", needs: [{ task: "b", optional: true }] },
  ]);
  expect(mermaidText(graph).split("\n")).toEqual([
    "flowchart TD",
    '  t0["end"]',
    '  t1[["b"]]',
    '  t2(["c"])',
    "  t0 --> t1",
    "  t1 -.-> t2",
  ]);
});

test("escapeLabel() leaves nothing of Mermaid's syntax in a label", () => {
  expect(escapeLabel('a"]; click <b>#x')).toBe("a#34;#93;#59; click #60;b#62;#35;x");
});

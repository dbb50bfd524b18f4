import { describe, expect, test } from "bun:test";
import { findNodes, flatten, type TreeNode } from "../../../../src/process/supervise/index.ts";

function node(name: string, ...children: TreeNode[]): TreeNode {
  return { name, kind: children.length > 0 ? "supervisor" : "worker", state: "running", restarts: 0, children };
}

const TREE = node(
  "main",
  node("a", node("lane 0"), node("lane 1")),
  node("aa", node("lane 0")),
  node("b", node("a")),
  node("main"),
);

const paths = (name: string): string[] => findNodes(TREE, name).map(({ path }) => path);

describe("flatten", () => {
  test("flatten() lists every node with its path, parents first, in order", () => {
    expect(flatten(node("x", node("y", node("z")), node("w"))).map(({ path }) => path)).toEqual([
      "x",
      "x/y",
      "x/y/z",
      "x/w",
    ]);
  });
});

describe("findNodes", () => {
  test("findNodes() finds all nodes of a name", () => {
    expect(paths("lane 0")).toEqual(["main/a/lane 0", "main/aa/lane 0"]);
    expect(paths("a")).toEqual(["main/a", "main/b/a"]);
  });

  test("findNodes() finds by the end of a path, whole names only", () => {
    expect(paths("a/lane 0")).toEqual(["main/a/lane 0"]);
    expect(paths("main/b/a")).toEqual(["main/b/a"]);
  });

  test("findNodes() takes a whole path for itself alone", () => {
    expect(paths("main")).toEqual(["main"]);
    expect(paths("main/main")).toEqual(["main/main"]);
  });

  test("findNodes() finds nothing when no name matches", () => {
    expect(paths("lane")).toEqual([]);
    expect(paths("")).toEqual([]);
  });
});

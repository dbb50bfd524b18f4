import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { TreeNode } from "../../../src/app/control/contract.ts";
import { placesNamed, placesOf, thePlaceNamed } from "../../../src/app/control/tree-names.ts";
import { Failure } from "../../../src/base/errors.ts";
import type { TreeNode as SupervisedNode } from "../../../src/process/supervise/index.ts";

/** What supervision tells can be sent as it is: this stops compiling when the two drift apart. */
export const asSent = (node: SupervisedNode): TreeNode => node;

function node(name: string, children: readonly TreeNode[] = []): TreeNode {
  return { name, kind: children.length > 0 ? "supervisor" : "worker", state: "running", restarts: 0, children };
}

const tree = node("orders", [
  node("validate", [node("lane 0"), node("lane 1")]),
  node("enrich", [node("lane 0")]),
  node("orders", [node("validate")]),
]);

function failureOf(name: string): Failure {
  try {
    thePlaceNamed(tree, name);
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
  }
  throw new Error(`${name} fails with no Failure`);
}

describe("thePlaceNamed()", () => {
  for (const [name, path] of [
    ["enrich", "/orders/enrich"],
    ["lane 1", "/orders/validate/lane 1"],
    ["validate/lane 0", "/orders/validate/lane 0"],
    ["enrich/lane 0", "/orders/enrich/lane 0"],
    ["/orders", "/orders"],
    ["orders/orders", "/orders/orders"],
    ["/orders/validate", "/orders/validate"],
  ] as const) {
    test(`thePlaceNamed() finds ${path} when the name is ${name}`, () => {
      expect(thePlaceNamed(tree, name).path).toBe(path);
    });
  }

  for (const [name, found] of [
    ["lane 0", ["/orders/validate/lane 0", "/orders/enrich/lane 0"]],
    // Not the root, though it is its whole path: a stage may be meant, and stopping the root ends everything.
    ["orders", ["/orders", "/orders/orders"]],
    ["orders/validate", ["/orders/validate", "/orders/orders/validate"]],
  ] as const) {
    test(`thePlaceNamed() asks back with all ${found.length} paths when the name is ${name}`, () => {
      const failure = failureOf(name);
      expect([failure.code, failure.data]).toEqual(["usage.ambiguous_name", { found: [...found] }]);
      for (const path of found) expect(failure.message).toContain(path);
    });
  }

  for (const [name, says] of [
    ["validat", 'did you mean "validate"?'],
    ["enrich/lane 1", 'did you mean "enrich/lane 0"?'],
    ["lane", "did you mean"],
    ["/validate", 'did you mean "validate"?'],
    ["ane 0", 'did you mean "lane 0"?'],
    ["something else entirely", "there are /orders, /orders/validate, "],
    ["", "there are /orders"],
    ["\u001b[2J", '"␛[2J"'],
  ] as const) {
    test(`thePlaceNamed() says what is near when nothing is named ${JSON.stringify(name)}`, () => {
      const failure = failureOf(name);
      expect(failure.code).toBe("instance.not_found");
      expect(failure.message).toContain(says);
    });
  }
});

describe("placesNamed()", () => {
  const names = fc.constantFrom("a", "b", "a b", "lane 0", "c");
  const { tree: trees } = fc.letrec<{ leaf: TreeNode; branch: TreeNode; tree: TreeNode }>((tie) => ({
    leaf: names.map((name) => node(name)),
    branch: fc.tuple(names, fc.array(tie("tree"), { maxLength: 3 })).map(([name, children]) => node(name, children)),
    tree: fc.oneof({ maxDepth: 4 }, tie("leaf"), tie("branch")),
  }));

  test("placesNamed() finds every node by its whole path and by each end of it", () => {
    fc.assert(
      fc.property(trees, (any) => {
        for (const { path, node: each } of placesOf(any)) {
          expect(placesNamed(any, path).map((place) => place.path)).toContain(path);
          const names = path.split("/").slice(1);
          for (let from = 0; from < names.length; from++) {
            const found = placesNamed(any, names.slice(from).join("/"));
            expect(found.some((place) => place.node === each)).toBe(true);
            // And nothing else: each one found ends in the very same names.
            for (const place of found)
              expect(place.path.split("/").slice(from - names.length)).toEqual(names.slice(from));
          }
        }
      }),
    );
  });
});

/** Holds this repository to the rules of its style that a machine can check. */
import { describe, expect, test } from "bun:test";
import { RULES, type RuleName } from "./rules.ts";
import { readTree } from "./tree.ts";

const tree = await readTree();

describe("the repository", () => {
  for (const name of Object.keys(RULES) as RuleName[]) {
    test(`${name}() finds nothing when it reads the whole tree`, () => {
      expect(RULES[name](tree).map(({ path, line, message }) => `${path}:${line}: ${message}`)).toEqual([]);
    });
  }

  test("readTree() reads every floor of src/floors.txt that has files", () => {
    const floors = new Set(
      tree.sources.filter(({ path }) => path.startsWith("src/")).map(({ path }) => path.split("/")[1]!),
    );
    expect(floors.has("base") && floors.has("process") && floors.has("work")).toBe(true);
    expect(tree.sources.length).toBeGreaterThan(100);
  });
});

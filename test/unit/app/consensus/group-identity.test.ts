import { describe, expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identityOf, readIdentity, writeIdentity } from "../../../../src/app/consensus/group-identity.ts";
import { Workspace } from "../../../support/workspace.ts";

describe("group identity", () => {
  test("identityOf() is the same for the same voters in any order, and another one for others", () => {
    expect(identityOf(["a", "b"])).toBe(identityOf(["b", "a"]));
    expect(identityOf(["a", "b"])).not.toBe(identityOf(["a", "b", "c"]));
    expect(identityOf(["a", "b"])).not.toBe(identityOf(["a,b"]));
  });

  test("readIdentity() gives what writeIdentity() has written, and nothing before", () => {
    using space = new Workspace();
    const directory = join(space.path, "main");
    expect(readIdentity(directory)).toBeUndefined();
    writeIdentity(directory, "abc");
    writeIdentity(directory, "def");
    expect(readIdentity(directory)).toBe("def");
    expect(statSync(join(directory, "group.json")).mode & 0o777).toBe(0o600);
  });

  test("readIdentity() refuses a damaged file, with what it says", () => {
    using space = new Workspace();
    writeIdentity(space.path, "abc");
    writeFileSync(join(space.path, "group.json"), "{}");
    expect(() => readIdentity(space.path)).toThrow(/group\.json says "{}"/);
  });
});

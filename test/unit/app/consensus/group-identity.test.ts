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
    expect(readIdentity(directory, "n")).toBeUndefined();
    writeIdentity(directory, "n", "abc");
    writeIdentity(directory, "n", "def");
    expect(readIdentity(directory, "n")).toBe("def");
    expect(statSync(join(directory, "group.json")).mode & 0o777).toBe(0o600);
  });

  test("readIdentity() refuses another node's directory", () => {
    using space = new Workspace();
    writeIdentity(space.path, "m1", "abc");
    expect(() => readIdentity(space.path, "m2")).toThrow("belongs to the node m1, and this one is m2");
  });

  test("readIdentity() refuses a damaged file, with what it says", () => {
    using space = new Workspace();
    writeIdentity(space.path, "n", "abc");
    writeFileSync(join(space.path, "group.json"), "{}");
    expect(() => readIdentity(space.path, "n")).toThrow(/group\.json says "{}"/);
    writeFileSync(join(space.path, "group.json"), "no JSON");
    expect(() => readIdentity(space.path, "n")).toThrow(/group\.json says "no JSON"/);
  });
});

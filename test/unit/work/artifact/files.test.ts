/** Files that are written only when they are right. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { writeVerified } from "../../../../src/work/artifact/files.ts";
import { Workspace } from "../../../support/workspace.ts";
import { codeOf, fileOf } from "./support.ts";

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

describe("writeVerified()", () => {
  test("writeVerified() writes the content when it is right, for its owner alone", async () => {
    using space = new Workspace();
    expect(await writeVerified(space.at("x"), fileOf("x", "one two"), pieces("one", "", " two"))).toBe(true);
    expect(readFileSync(space.at("x"), "utf8")).toBe("one two");
    expect(statSync(space.at("x")).mode & 0o777).toBe(0o600);
    expect(await codeOf(writeVerified(space.at("x"), fileOf("x", ""), pieces()))).toBe("EEXIST"); // and never over another
  });

  test("writeVerified() leaves nothing when the content is another, is too short, or breaks off", async () => {
    using space = new Workspace();
    const content = fileOf("x", "one two");
    for (const texts of [["one twO"], ["one"], [], ["one two", "!"]])
      expect(await writeVerified(space.at("x"), content, pieces(...texts))).toBe(false);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* pieces("one");
      throw Object.assign(new Error("gone"), { code: "gone" });
    }
    expect(await codeOf(writeVerified(space.at("x"), content, broken()))).toBe("gone");
    expect(existsSync(space.at("x"))).toBe(false);
  });

  test("writeVerified() stops at the first byte too many, though more would come", async () => {
    using space = new Workspace();
    let given = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (; given < 1000; given++) yield Buffer.from("one");
    }
    expect(await writeVerified(space.at("x"), fileOf("x", "oneone"), endless())).toBe(false);
    expect(given).toBe(2);
  });
});

/** The way of somebody who writes a plugin, with nothing but the executable: new, verify, test, run. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { orders } from "../support/orders.ts";
import { Workspace } from "../support/workspace.ts";

describe("plugin", () => {
  test("plugin new writes a plugin that verifies, passes its test and runs in a pipeline", async () => {
    using space = new Workspace();
    for (let above = space.path; above !== dirname(above); above = dirname(above)) {
      expect(existsSync(join(above, "node_modules"))).toBe(false); // else the test would prove nothing
    }
    const made = await space.exec(["plugin", "new", "doubler"]);
    expect(made.code).toBe(0);
    expect(made.stdout).toContain(space.at("doubler", "index.ts"));

    const verified = await space.exec(["plugin", "verify", "doubler/index.ts"]);
    expect(verified.code).toBe(0);
    expect(verified.stdout).toContain("doubler 0.1.0");
    expect(verified.stdout).toContain("field (string)");

    const tested = await space.exec(["plugin", "test", "doubler"]);
    expect(tested.stderr + tested.stdout).toMatch(/\b1 pass/);
    expect(tested.code).toBe(0);

    space.write("in.ndjson", orders(1_000));
    space.pipeline(["doubler|./doubler/index.ts|field=quantity"]);
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(summary.written).toBe(1_000);
    const before = space.records("in.ndjson").map(({ quantity }) => Number(quantity) * 2);
    expect(space.records("out.ndjson").map(({ quantity }) => Number(quantity))).toEqual(before);
  });

  test("plugin test exits 1 when a test of the plugin fails", async () => {
    using space = new Workspace();
    await space.exec(["plugin", "new", "doubler"]);
    const source = readFileSync(space.at("doubler", "index.ts"), "utf8");
    space.write("doubler/index.ts", source.replace("value * 2", "value * 3"));
    expect((await space.exec(["plugin", "test", "doubler"])).code).toBe(1);
  });

  test("plugin new refuses a bad name and a folder that is there, and changes nothing", async () => {
    using space = new Workspace();
    const bad = await space.exec(["plugin", "new", "Not A Name"]);
    expect(bad.code).toBe(64);
    expect(bad.stderr).toContain('the name is "Not A Name"');
    space.write("taken/mine.txt", "precious");
    const taken = await space.exec(["plugin", "new", "taken"]);
    expect(taken.code).toBe(78);
    expect(taken.stderr).toContain("exists already");
    expect(space.text("taken/mine.txt")).toBe("precious");
    expect(space.exists("taken/index.ts")).toBe(false);
  });

  test("plugin verify exits 78 and says why when the file is no plugin", async () => {
    using space = new Workspace();
    space.write("half.ts", "export default { info: {} };");
    const { code, stderr } = await space.exec(["plugin", "verify", "half.ts"]);
    expect(code).toBe(78);
    expect(stderr).toContain("half.ts is not a plugin: its definition was not made by definePlugin");
  });
});

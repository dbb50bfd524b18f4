import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { definitionFault, IDENTITY_LIBRARY, loadPlugin } from "../../../../src/process/plugin/index.ts";
import { PLUGIN_API_VERSION, param } from "../../../../src/sdk/index.ts";

const whole = {
  api: PLUGIN_API_VERSION,
  info: { name: "a", version: "1.0.0", description: "d" },
  params: { x: param.integer("n") },
  init() {},
  processBatch() {},
  cleanup() {},
};

const { cleanup: _cleanup, ...withoutCleanup } = whole;

describe("definitionFault()", () => {
  test("definitionFault() finds nothing when the definition is whole", () => {
    expect(definitionFault(whole)).toBeUndefined();
    expect(definitionFault({ ...whole, snapshot() {}, restore() {}, finish() {}, sequential: true })).toBeUndefined();
  });

  for (const [what, value, says] of [
    ["there is no default export", undefined, "no default export"],
    ["an operation is missing", withoutCleanup, "lacks the operation cleanup"],
    ["it was not made by definePlugin", { ...whole, api: undefined }, "was not made by definePlugin"],
    ["its version is another", { ...whole, api: 99 }, "plugin API 99; this program serves plugin API 1"],
    ["it has snapshot without restore", { ...whole, snapshot() {} }, "only one of snapshot and restore"],
    ["an operation is no function", { ...whole, finish: 3 }, "finish must be a function"],
    ["sequential is no boolean", { ...whole, sequential: "yes" }, "sequential must be true or false"],
    ["its name has a space", { ...whole, info: { ...whole.info, name: "a b" } }, 'info.name is "a b"'],
    ["its version is no version", { ...whole, info: { ...whole.info, version: "one" } }, 'info.version is "one"'],
    ["it has no info", { ...whole, info: undefined }, "lacks info"],
    ["its description is missing", { ...whole, info: { name: "a", version: "1.0.0" } }, "description"],
    ["it has no params", { ...whole, params: undefined }, "lacks params"],
    ["a parameter is hand-made", { ...whole, params: { x: { type: "int" } } }, "the parameter x was not made by"],
  ] as const) {
    test(`definitionFault() says so when ${what}`, () => {
      expect(definitionFault(value)).toContain(says);
    });
  }
});

describe("loadPlugin()", () => {
  test("loadPlugin() gives the identity when asked for it", async () => {
    expect((await loadPlugin(IDENTITY_LIBRARY)).info.name).toBe("identity");
  });

  for (const [what, text, code, says] of [
    ["the module throws", "throw new Error('no licence')", "plugin.load", "no licence"],
    ["the text does not parse", "export default {{{", "plugin.load", "cannot load"],
    ["the export is no plugin", "export default 3", "plugin.definition", "no default export"],
  ] as const) {
    test(`loadPlugin() refuses with ${code} when ${what}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "loader-"));
      try {
        const path = join(folder, "index.ts");
        writeFileSync(path, text);
        const refused = await loadPlugin(path).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(refused).toMatchObject({ code });
        expect(String(refused)).toContain(says);
        expect(String(refused)).toContain(path);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

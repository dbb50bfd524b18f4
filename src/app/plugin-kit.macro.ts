/**
 * What `plugin new` puts beside a plugin so that editors know the types and tests run: the SDK's sources and the test kit
 * as one bundle. Runs while the executable is built (a bundler macro), so that the texts are inside it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SDK = join(import.meta.dir, "../sdk");
const TESTING = join(import.meta.dir, "../process/plugin/testing.ts");
const TESTING_TYPES = join(import.meta.dir, "../process/plugin/testing-types.ts");

/** File name below node_modules/distributed-system → its text. */
export function pluginKit(): Record<string, string> {
  const sources = readdirSync(SDK).filter((name) => name.endsWith(".ts"));
  const files = Object.fromEntries(sources.map((name) => [name, readFileSync(join(SDK, name), "utf8")]));
  return { ...files, "testing.js": bundle(TESTING), "testing.d.ts": testingTypes(), "package.json": PACKAGE };
}

function bundle(entry: string): string {
  const built = Bun.spawnSync([process.execPath, "build", "--target=bun", "--minify", entry], {
    env: { ...process.env, BUN_BE_BUN: "1" },
  });
  if (built.exitCode !== 0) throw new Error(`cannot bundle the test kit: ${built.stderr.toString()}`);
  return built.stdout.toString();
}

const PACKAGE = JSON.stringify({
  name: "distributed-system",
  type: "module",
  exports: { ".": "./index.ts", "./testing": { types: "./testing.d.ts", default: "./testing.js" } },
});

/** The declarations of the test kit, beside the SDK's sources. */
function testingTypes(): string {
  const types = readFileSync(TESTING_TYPES, "utf8").replace("../../sdk/index.ts", "./index.ts");
  const names = ["createBatch", "runPlugin"] as const;
  return types + names.map((name) => `export declare const ${name}: TestKit["${name}"];\n`).join("");
}

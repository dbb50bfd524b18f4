/**
 * What `plugin new` puts beside a plugin so that editors know the types and tests run: the SDK's sources and the test kit
 * as one bundle. Runs while the executable is built (a bundler macro), so that the texts are inside it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SDK = join(import.meta.dir, "../sdk");
const TESTING = join(import.meta.dir, "../process/plugin/testing.ts");

/** File name below node_modules/distributed-system → its text. */
export function pluginKit(): Record<string, string> {
  const sources = readdirSync(SDK).filter((name) => name.endsWith(".ts"));
  const files = Object.fromEntries(sources.map((name) => [name, readFileSync(join(SDK, name), "utf8")]));
  return { ...files, "testing.js": bundle(TESTING), "testing.d.ts": TESTING_TYPES, "package.json": PACKAGE };
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

const TESTING_TYPES = `import type { Batch, Value } from "./index.ts";
type Fields = { readonly [field: string]: Value | undefined };
export interface PluginRun {
  readonly records: readonly Fields[];
  readonly rejected: readonly { readonly record: Fields; readonly reason: string }[];
  readonly filtered: number;
  readonly log: readonly string[];
}
export interface RunOptions {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly batches?: readonly (readonly Fields[])[];
  readonly records?: readonly Fields[];
  readonly timeMs?: number;
}
export declare function createBatch(records: readonly Fields[], options?: { id?: string; timeMs?: number }): Batch;
export declare function runPlugin(definition: unknown, options: RunOptions): Promise<PluginRun>;
`;

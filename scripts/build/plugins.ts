/**
 * Builds plugins: plugins/NAME/index.ts with everything it imports, except the SDK (the executable provides that), becomes the
 * one file plugins/libNAME.js. A built file is loaded once before it takes the place of an older one, so a bundle that cannot
 * be loaded is never left behind. Also runs as a program: `plugins.ts all|NAME…|list|clean|verify FILE`.
 */
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import * as sdk from "../../src/sdk/index.ts";

const ROOT = resolve(import.meta.dir, "../..");
const PLUGINS = join(ROOT, "plugins");
const OPERATIONS = ["init", "processBatch", "cleanup"] as const;

export function listPlugins(): string[] {
  return readdirSync(PLUGINS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(PLUGINS, entry.name, "index.ts")))
    .map((entry) => entry.name)
    .sort();
}

export function builtFile(name: string): string {
  return join(PLUGINS, `lib${name}.js`);
}

/** Builds the named plugins or all; throws with the messages of the bundler or of the loading. */
export async function buildPlugins(names: readonly string[] | "all"): Promise<void> {
  const known = listPlugins();
  for (const name of names === "all" ? known : names) {
    if (!known.includes(name)) throw new Error(`no plugin is named "${name}"; there are ${known.join(", ")}`);
    await buildPlugin(name);
  }
}

async function buildPlugin(name: string): Promise<void> {
  const result = await Bun.build({
    entrypoints: [join(PLUGINS, name, "index.ts")],
    target: "bun",
    format: "esm",
    external: ["distributed-system", "distributed-system/service"],
    throw: false,
  });
  const [output] = result.outputs;
  if (!result.success || output === undefined)
    throw new Error(`building ${name} failed:\n${result.logs.map(String).join("\n")}`);
  const temporary = join(PLUGINS, `lib${name}.${process.pid}.js`); // of one's own: two builds may run at once
  try {
    await Bun.write(temporary, output);
    await verifyPlugin(temporary);
    renameSync(temporary, builtFile(name));
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Loads the file as the host would and looks at its definition; says what it found. The executable checks more. */
export async function verifyPlugin(file: string): Promise<string> {
  provideSdk();
  const module: { default?: Partial<sdk.PluginPackage> } = await import(resolve(file));
  const definition = module.default;
  if (definition?.info === undefined)
    throw new Error(`${file}: no plugin; a default export made by definePlugin is required`);
  if (definition.api !== sdk.PLUGIN_API_VERSION) {
    throw new Error(`${file}: made for contract version ${definition.api}; ${sdk.PLUGIN_API_VERSION} is required`);
  }
  const missing = OPERATIONS.filter((operation) => typeof definition[operation] !== "function");
  if (missing.length > 0)
    throw new Error(`${file}: lacks ${missing.join(", ")}; ${OPERATIONS.join(", ")} are required`);
  return `${definition.info.name} ${definition.info.version}: ${definition.info.description}`;
}

let provided = false;

function provideSdk(): void {
  if (provided) return;
  provided = true;
  Bun.plugin({
    name: "distributed-system",
    setup: (build) => {
      build.module("distributed-system", () => ({ exports: { ...sdk, default: sdk }, loader: "object" }));
    },
  });
}

function cleanPlugins(): void {
  for (const name of listPlugins()) rmSync(builtFile(name), { force: true });
}

async function main(words: readonly string[]): Promise<void> {
  const [action, file] = words;
  if (action === "list") console.log(listPlugins().join("\n"));
  else if (action === "clean") cleanPlugins();
  else if (action === "verify" && file !== undefined) console.log(`${file}: ${await verifyPlugin(file)}`);
  else if (action === undefined || action === "verify")
    throw new Error("usage: all | NAME… | list | clean | verify FILE");
  else await buildPlugins(action === "all" ? "all" : words);
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

/** Tools for plugin authors: a new plugin that works, a look at a plugin as a host sees it, its tests run. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Failure } from "../base/errors.ts";
import type { LoadedMessage } from "../process/plugin/index.ts";
import { inspectPlugin } from "./inspect-plugin.ts";
import { pluginKit } from "./plugin-kit.macro.ts" with { type: "macro" };
import { pluginTemplate } from "./plugin-template.ts";
import { selfArgv } from "./self.ts";

/** A plugin must load in this time when it is looked at. */
const VERIFY_TIMEOUT_MS = 10_000;

export async function verifyPlugin(path: string): Promise<LoadedMessage> {
  const inspected = await inspectPlugin(resolve(path), VERIFY_TIMEOUT_MS);
  await inspected.close();
  return inspected.loaded;
}

/** Writes `DIR/NAME/`; gives the files written. Fails with `plugin.name` or `plugin.exists`. */
export function newPlugin(name: string, directory: string): string[] {
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)) {
    throw new Failure(
      "plugin.name",
      `the name is ${JSON.stringify(name)}; required are 1 to 64 of a-z, 0-9, - and _, the first no sign`,
    );
  }
  const folder = resolve(directory, name);
  if (existsSync(folder))
    throw new Failure("plugin.exists", `${folder} exists already; a plugin gets a folder of its own`);
  const written = Object.entries(pluginTemplate(name)).map(([file, text]) => write(join(folder, file), text));
  for (const [file, text] of Object.entries(pluginKit()))
    write(join(folder, "node_modules/distributed-system", file), text);
  return written;
}

/** Runs the tests below a folder with the test runner inside this executable; gives its exit code. */
export async function testPlugin(path: string): Promise<number> {
  const folder = resolve(path);
  if (!existsSync(folder))
    throw new Failure("plugin.not_found", `${folder} does not exist; a plugin's folder is required`);
  const child = Bun.spawn([selfArgv()[0]!, "test"], {
    cwd: folder,
    env: { ...process.env, BUN_BE_BUN: "1" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return child.exited;
}

function write(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

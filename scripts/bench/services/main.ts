/**
 * The benchmark of services, the HTTP API, metrics and traces: each as a ratio to a peer in the same run, or beside its limit. `--help` says
 * what can be chosen; README.md one level up says what came out. No time decides the exit code; a call that fails does.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildExecutable } from "../../build/executable.ts";
import { machineText } from "../common/machine.ts";
import { measureHttp } from "./http.ts";
import { measureIdle } from "./idle.ts";
import { measureLocal } from "./local.ts";
import { measureNodes } from "./nodes.ts";
import { type Options, parseOptions } from "./options.ts";
import { profile } from "./profile.ts";
import { measureRedis } from "./redis.ts";
import { measureScrape } from "./scrape.ts";
import type { Site } from "./site.ts";
import { measureTracing } from "./tracing.ts";

type Measurement = (site: Site, options: Options) => Promise<void>;

const MEASUREMENTS: Readonly<Record<Options["only"][number], Measurement>> = {
  local: measureLocal,
  http: measureHttp,
  nodes: measureNodes,
  scrape: measureScrape,
  tracing: measureTracing,
  idle: measureIdle,
  redis: measureRedis,
};

async function main(options: Options): Promise<void> {
  const executable = await buildExecutable();
  const directory = mkdtempSync(join(tmpdir(), "services-bench-"));
  const site: Site = { directory, executable, env: () => ({}) };
  try {
    console.log(`${machineText(directory)}\n`);
    if (options.profile) await profile(site, options);
    else for (const name of options.only) await MEASUREMENTS[name](site, options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (typeof options === "string") console.log(options);
  else await main(options);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}

/**
 * The benchmark of consensus and of what stands on it: key-value beside etcd, fail-over, queues beside BullMQ and NATS, the log's designs.
 * Everybody on this machine, in turn; `--help` says what can be chosen. No time decides the exit code: what was lost does.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { buildExecutable } from "../../build/executable.ts";
import { machineText } from "../common/machine.ts";
import { measureFailover } from "./failover/failover.ts";
import { measureKv } from "./kv/kv.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { profile } from "./profile.ts";
import { measureQueue } from "./queue/queue.ts";
import { newDirectory, type Site } from "./site.ts";

async function main(options: Options): Promise<boolean> {
  const executable = await buildExecutable();
  const site: Site = { directory: newDirectory(options.directory), executable };
  try {
    console.log(`${machineText(site.directory)}\n`);
    if (options.isProfile) {
      await profile(site, options);
      return true;
    }
    return await measure(site, options);
  } finally {
    rmSync(site.directory, { recursive: true, force: true });
  }
}

async function measure(site: Site, options: Options): Promise<boolean> {
  const { only } = options;
  if (only.includes("kv")) await measureKv(site, options);
  const keeps = !only.includes("failover") || (await measureFailover(site, options));
  const delivers = !only.includes("queue") || (await measureQueue(site, options));
  const commits = !only.includes("log") || (await measureLog(options));
  return keeps && delivers && commits;
}

/** A program of its own, which can be run alone too. */
async function measureLog({ runs }: Options): Promise<boolean> {
  const words = [process.execPath, join(import.meta.dir, "log.ts"), "--runs", String(runs)];
  return (await Bun.spawn(words, { stdio: ["ignore", "inherit", "inherit"] }).exited) === 0;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else if (!(await main(options))) process.exitCode = 1;
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
process.exit(); // clients keep connections

/** What a node uses that nobody asks for anything: its own process, from /proc. */

import { join } from "node:path";
import { formatBytes } from "../../../src/base/units.ts";
import { roleCpu } from "../cluster/cpu.ts";
import { memoryOf } from "../common/process-tree.ts";
import { table } from "../common/table.ts";
import { BenchNode } from "./bench-node.ts";
import type { Options } from "./options.ts";
import { newDataDir, type Site } from "./site.ts";

/** Compiling and collecting of the start are over then. */
const SETTLE_MS = 5_000;
/** Two services, as somebody has who begins. */
const EXAMPLES = join(import.meta.dir, "..", "..", "examples", "services");

export async function measureIdle(site: Site, { "idle-ms": ms }: Options): Promise<void> {
  const rows = [
    await idle(site, "no services", ["--no-services"], ms),
    await idle(site, "two services", ["--services", EXAMPLES], ms),
  ];
  const header = ["a node, idle", "own memory", "with shared pages", "CPU of one core", "its hosts: CPU"];
  console.log(`${table(header, rows)}\n`);
}

async function idle(site: Site, label: string, args: readonly string[], ms: number): Promise<string[]> {
  console.error(`idle: ${label} …`);
  await using node = await BenchNode.start({ name: "node", site, dataDir: newDataDir(site, "idle"), args });
  await Bun.sleep(SETTLE_MS);
  const before = roleCpu(node.pid);
  const fromMs = performance.now();
  await Bun.sleep(ms);
  const after = roleCpu(node.pid);
  const seconds = (performance.now() - fromMs) / 1000;
  const { ownBytes, residentBytes } = memoryOf(node.pid);
  const share = (used: number): string => `${((used / seconds) * 100).toFixed(2)} %`;
  return [
    label,
    formatBytes(ownBytes),
    formatBytes(residentBytes),
    share(after.own - before.own),
    share(after.below - before.below),
  ];
}

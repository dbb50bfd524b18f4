/** Loads on services, each on nodes that are new and end with it: from another service's host, from the node itself, from another node. */
import { join } from "node:path";
import type { Figures } from "../common/figures.ts";
import { resultOf } from "../raft/contestant.ts";
import { BenchNode } from "./bench-node.ts";
import type { NodeWork } from "./node-load.ts";
import { newDataDir, PAYLOAD, PLUGINS, type Site } from "./site.ts";
import type { Step } from "./steps.ts";

const PROGRAM = join(import.meta.dir, "node-load.ts");
/** Hosts get a clean environment: this variable goes through, so that they write profiles too. */
export const PASS = ["BUN_OPTIONS"];

/** host → node → host: three processes. */
export async function loadFromService(site: Site, steps: readonly Step[]): Promise<readonly Figures[]> {
  const own = ["--services", PLUGINS, ...PASS.flatMap((name) => ["--service-env", name])];
  await using node = await BenchNode.start({
    name: "node",
    site,
    dataDir: newDataDir(site, "from-service"),
    args: own,
  });
  await node.untilCallable("echo");
  await node.untilCallable("asker");
  const all: Figures[] = [];
  for (const step of steps) all.push(await node.call<Figures>("asker", "ask", { ...PAYLOAD, ...step }));
  return all;
}

/** node → host: two processes. */
export function loadFromNode(site: Site, steps: readonly Step[]): Promise<readonly Figures[]> {
  const dataDir = newDataDir(site, "from-node");
  return run(site, { dataDir, seeds: [], directories: [PLUGINS], passEnv: PASS, steps });
}

/** node → link → node → host: three processes. */
export async function loadFromOtherNode(site: Site, steps: readonly Step[]): Promise<readonly Figures[]> {
  const dataDir = newDataDir(site, "from-other-node");
  const args = ["--services", PLUGINS, ...PASS.flatMap((name) => ["--service-env", name])];
  await using callee = await BenchNode.start({ name: "callee", site, dataDir, args });
  await callee.untilCallable("echo");
  return await run(site, { dataDir, seeds: [callee.address], directories: [], passEnv: [], steps });
}

function run(site: Site, work: NodeWork): Promise<readonly Figures[]> {
  return resultOf<readonly Figures[]>([process.execPath, PROGRAM, JSON.stringify(work)], site.env("load"));
}

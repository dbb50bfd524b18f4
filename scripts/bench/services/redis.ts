/** A method that keeps its answers: from this node's memory, and with Redis behind it; beside the same method that keeps nothing. */
import { RedisServer } from "../../../test/support/redis-server.ts";
import { type Figures, medians } from "../common/figures.ts";
import { table } from "../common/table.ts";
import { type Contestant, inTurn } from "../raft/contestant.ts";
import { BenchNode } from "./bench-node.ts";
import { loadOverHttp } from "./http-load.ts";
import type { Options } from "./options.ts";
import { newDataDir, PAYLOAD, PLUGINS, type Site } from "./site.ts";
import { cell, type Step, stepsOf, titleOf } from "./steps.ts";

type Work = readonly Step[];
type Result = readonly Figures[];

export async function measureRedis(site: Site, { runs, "step-ms": ms }: Options): Promise<void> {
  if (Bun.which("redis-server") === null) return console.log("redis is left out: redis-server is not installed\n");
  await using redis = new RedisServer();
  await redis.start();
  const steps = stepsOf([1, 64], ms);
  const everybody: readonly Contestant<Work, Result>[] = [
    { name: "plain", label: "asked each time", run: (work) => load(site, work, "echo", []) },
    { name: "memory", label: "kept in memory", run: (work) => load(site, work, "kept", []) },
    {
      name: "redis",
      label: "kept, Redis behind it",
      run: (work) => load(site, work, "kept", ["--redis-url", redis.url]),
    },
  ];
  const all = await inTurn(everybody, steps, runs);
  const rows = everybody.map(({ label }, index) => [
    label,
    ...steps.map((_, step) => cell(medians(all[index]!.map((each) => each[step]!)))),
  ]);
  console.log(`${table(["a kept method over HTTP, requests/s (p50 / p99)", ...steps.map(titleOf)], rows)}\n`);
}

async function load(site: Site, steps: Work, method: string, args: readonly string[]): Promise<Result> {
  const own = ["--services", PLUGINS, ...args];
  await using node = await BenchNode.start({ name: "node", site, dataDir: newDataDir(site, "kept"), args: own });
  await node.untilCallable("echo");
  const all: Figures[] = [];
  for (const { inFlight: connections, ms, warmMs } of steps) {
    const work = { url: `${node.url}/rpc/echo/${method}`, body: PAYLOAD, token: node.token, connections };
    await loadOverHttp({ ...work, ms: warmMs }, site.directory);
    all.push(await loadOverHttp({ ...work, ms }, site.directory));
  }
  return all;
}

/** `POST /rpc/{service}/{method}` with a token: a contract of the node, and a service in its host; beside one bare route of Hono on Bun. */
import { join } from "node:path";
import { type Figures, medians } from "../common/figures.ts";
import { table } from "../common/table.ts";
import { withServer } from "../link/contestant.ts";
import { type Contestant, inTurn } from "../raft/contestant.ts";
import { BenchNode } from "./bench-node.ts";
import { HAS_WRK, loadOverHttp } from "./http-load.ts";
import { PASS } from "./loads.ts";
import type { Options } from "./options.ts";
import { newDataDir, PAYLOAD, PLUGINS, type Site } from "./site.ts";
import { cell, type Step, stepsOf, titleOf } from "./steps.ts";

type Work = readonly Step[];
type Result = readonly Figures[];

const CONTRACT_NODE = [process.execPath, join(import.meta.dir, "contract-node.ts")];
const HONO = [process.execPath, join(import.meta.dir, "peers", "hono.ts")];

export async function measureHttp(site: Site, { runs, "step-ms": ms }: Options): Promise<void> {
  const steps = stepsOf([1, 64], ms);
  const everybody = httpContestants(site);
  const all = await inTurn(everybody, steps, runs);
  const figures = all.map((each) => steps.map((_, step) => medians(each.map((result) => result[step]!))));
  const [hono] = figures;
  const rows = everybody.map(({ label }, index) => [
    label,
    ...figures[index]!.flatMap((each, step) => [cell(each), (each.perSecond / hono![step]!.perSecond).toFixed(2)]),
  ]);
  const title = `requests/s (p50 / p99), ${HAS_WRK ? "wrk" : "loops of fetch"}`;
  console.log(`${table([title, ...steps.flatMap((step) => [titleOf(step), "÷ Hono"])], rows)}\n`);
}

export function httpContestants(site: Site): readonly Contestant<Work, Result>[] {
  return [
    { name: "hono", label: "Hono, one bare route", run: (steps) => bareHono(site, steps) },
    { name: "contract", label: "ours, a contract", run: (steps) => contract(site, steps) },
    { name: "service", label: "ours, a service in its host", run: (steps) => service(site, steps) },
  ];
}

function bareHono(site: Site, steps: Work): Promise<Result> {
  return withServer(HONO, (port) => load(site, steps, `http://127.0.0.1:${port}/echo`, undefined));
}

async function contract(site: Site, steps: Work): Promise<Result> {
  const dataDir = newDataDir(site, "contract");
  await using node = await BenchNode.start({ name: "node", site, dataDir, program: CONTRACT_NODE });
  return await load(site, steps, `${node.url}/rpc/bench/echo`, node.token);
}

async function service(site: Site, steps: Work): Promise<Result> {
  const args = ["--services", PLUGINS, ...PASS.flatMap((name) => ["--service-env", name])];
  await using node = await BenchNode.start({ name: "node", site, dataDir: newDataDir(site, "service"), args });
  await node.untilCallable("echo");
  return await load(site, steps, `${node.url}/rpc/echo/echo`, node.token);
}

async function load({ directory }: Site, steps: Work, url: string, token: string | undefined): Promise<Result> {
  const all: Figures[] = [];
  for (const { inFlight: connections, ms, warmMs } of steps) {
    const work = { url, body: PAYLOAD, token, connections };
    await loadOverHttp({ ...work, ms: warmMs }, directory);
    all.push(await loadOverHttp({ ...work, ms }, directory));
  }
  return all;
}

/**
 * What traces cost at 1 %: a pipeline, and calls of a service, with and without a collector. Both are done in turn, the order changing
 * from pair to pair, and the median of the pairs' ratios counts: a machine's mood lasts longer than one run. CPU time is compared as well:
 * it hangs less on what else the machine does.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { roleCpu } from "../cluster/cpu.ts";
import { measure } from "../common/measure.ts";
import { makeInput } from "../common/orders.ts";
import { pipelineText } from "../common/orders-pipeline.ts";
import { median } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { BenchNode } from "./bench-node.ts";
import { type Collector, startCollector } from "./collector.ts";
import { loadOverHttp } from "./http-load.ts";
import type { Options } from "./options.ts";
import { newDataDir, PAYLOAD, PLUGINS, type Site } from "./site.ts";
import { perSecond } from "./steps.ts";

const RATIO = "0.01";
const IN_FLIGHT = 64;

interface Cost {
  readonly perSecond: number;
  /** Of all processes that do the work. */
  readonly cpuMicroseconds: number;
}

type Run = (args: readonly string[]) => Promise<Cost>;

export async function measureTracing(site: Site, options: Options): Promise<void> {
  using collector = startCollector();
  const pairs = options["tracing-runs"];
  const rows = [
    await compare("pipeline, a record", pipelineCost(site, options.records), collector, pairs),
    await compare("service, a request", callCost(site, options["step-ms"]), collector, pairs),
  ];
  if (collector.requests === 0) throw new Error("no trace has reached the collector");
  console.log(`${table(HEADER, rows)}\n`);
}

const HEADER = ["traces of 1 %", "a second", "traced", "loss", "from", "to", "CPU µs", "traced", "more", "exports"];

async function compare(label: string, run: Run, collector: Collector, pairs: number): Promise<string[]> {
  const requestsBefore = collector.requests;
  const traced = ["--otlp-endpoint", collector.url, "--trace-ratio", RATIO];
  const plain: Cost[] = [];
  const watched: Cost[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    console.error(`pair ${pair} of ${pairs}: ${label} …`);
    if (pair % 2 === 1) plain.push(await run([]));
    watched.push(await run(traced));
    if (pair % 2 === 0) plain.push(await run([]));
  }
  const losses = plain.map((each, pair) => 1 - watched[pair]!.perSecond / each.perSecond);
  const more = plain.map((each, pair) => watched[pair]!.cpuMicroseconds / each.cpuMicroseconds - 1);
  const rate = (costs: readonly Cost[]): string => perSecond(median(costs.map((each) => each.perSecond)));
  const cpu = (costs: readonly Cost[]): string => median(costs.map((each) => each.cpuMicroseconds)).toFixed(2);
  const spread = [median(losses), Math.min(...losses), Math.max(...losses)].map(percent);
  const exports = String(collector.requests - requestsBefore);
  return [label, rate(plain), rate(watched), ...spread, cpu(plain), cpu(watched), percent(median(more)), exports];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function pipelineCost({ directory, executable }: Site, records: number): Run {
  const input = makeInput(directory, records);
  const file = join(directory, "traced.txt");
  writeFileSync(file, pipelineText({ input, output: join(directory, "traced.ndjson"), policy: "FAIL_FAST|0" }));
  const words = [executable, "run", file, "--quiet", "--fresh", "--data-dir", join(directory, "traced")];
  return async (args) => {
    const { cpuSeconds, wallMs } = await measure([...words, ...args]);
    return { perSecond: (records * 1000) / wallMs, cpuMicroseconds: (cpuSeconds * 1e6) / records };
  };
}

/** Over HTTP: each request begins a trace of its own, and whether it is recorded is decided for each. */
function callCost(site: Site, ms: number): Run {
  return async (args) => {
    const own = ["--services", PLUGINS, ...args];
    await using node = await BenchNode.start({ name: "node", site, dataDir: newDataDir(site, "traced"), args: own });
    await node.untilCallable("echo");
    const url = `${node.url}/rpc/echo/echo`;
    const work = { url, body: PAYLOAD, token: node.token, connections: IN_FLIGHT, ms };
    await loadOverHttp(work, site.directory);
    const before = roleCpu(node.pid);
    const { perSecond: rate, tookMs } = await loadOverHttp(work, site.directory);
    const after = roleCpu(node.pid);
    const cpuSeconds = after.own + after.below - before.own - before.below;
    return { perSecond: rate, cpuMicroseconds: (cpuSeconds * 1e9) / (rate * tookMs) };
  };
}

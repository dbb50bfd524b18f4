/**
 * What traces cost at 1 %: a pipeline, and calls of a service, with and without a collector. Both are done in turn, the order changing
 * from pair to pair, and the median of the pairs' ratios counts: a machine's mood lasts longer than one run.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { measure } from "../common/measure.ts";
import { makeInput } from "../common/orders.ts";
import { pipelineText } from "../common/orders-pipeline.ts";
import { median } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { type Collector, startCollector } from "./collector.ts";
import { loadFromService } from "./loads.ts";
import type { Options } from "./options.ts";
import type { Site } from "./site.ts";
import { perSecond, stepsOf } from "./steps.ts";

const RATIO = "0.01";
const IN_FLIGHT = 64;

type Rate = (args: readonly string[]) => Promise<number>;

export async function measureTracing(site: Site, options: Options): Promise<void> {
  using collector = startCollector();
  const pairs = options["tracing-runs"];
  const rows = [
    await compare("pipeline, records/s", pipelineRate(site, options.records), collector, pairs),
    await compare("service, calls/s", callRate(site, options["step-ms"]), collector, pairs),
  ];
  if (collector.requests === 0) throw new Error("no trace has reached the collector");
  console.log(table(["traces of 1 %", "without", "with", "loss", "from", "to", "exports"], rows));
  console.log("");
}

async function compare(label: string, rate: Rate, collector: Collector, pairs: number): Promise<string[]> {
  const requestsBefore = collector.requests;
  const traced = ["--otlp-endpoint", collector.url, "--trace-ratio", RATIO];
  const without: number[] = [];
  const withTraces: number[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    console.error(`pair ${pair} of ${pairs}: ${label} …`);
    if (pair % 2 === 1) without.push(await rate([]));
    withTraces.push(await rate(traced));
    if (pair % 2 === 0) without.push(await rate([]));
  }
  const requests = collector.requests - requestsBefore;
  const losses = without.map((rate, pair) => 100 * (1 - withTraces[pair]! / rate));
  const percent = (loss: number): string => `${loss.toFixed(1)} %`;
  const spread = [median(losses), Math.min(...losses), Math.max(...losses)].map(percent);
  return [label, perSecond(median(without)), perSecond(median(withTraces)), ...spread, String(requests)];
}

function pipelineRate({ directory, executable }: Site, records: number): Rate {
  const input = makeInput(directory, records);
  const file = join(directory, "traced.txt");
  writeFileSync(file, pipelineText({ input, output: join(directory, "traced.ndjson"), policy: "FAIL_FAST|0" }));
  const dataDir = join(directory, "traced");
  return async (args) => {
    const { wallMs } = await measure([executable, "run", file, "--quiet", "--fresh", "--data-dir", dataDir, ...args]);
    return (records * 1000) / wallMs;
  };
}

function callRate(site: Site, ms: number): Rate {
  const steps = stepsOf([IN_FLIGHT], ms);
  return async (args) => (await loadFromService(site, steps, args))[0]!.perSecond;
}

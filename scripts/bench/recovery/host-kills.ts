/**
 * How long a stage stands still when its host is killed: kill -9 of a random plugin host, over and over, while the pipeline
 * runs. Watched from outside by `--events`. Each run's output must be the undisturbed run's, byte for byte.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FileSink } from "bun";
import { seededRandom } from "../../../src/base/random.ts";
import { formatCount } from "../../../src/base/units.ts";
import { tailEvents } from "../common/event-tail.ts";
import { fileDigest } from "../common/file-digest.ts";
import { measure } from "../common/measure.ts";
import { pipelineText, STAGES } from "../common/orders-pipeline.ts";
import type { Site } from "../common/site.ts";
import { quantile } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { feed } from "./feed.ts";
import { Killer, type Recovery } from "./killer.ts";

export interface HostKillOptions {
  /** Of each scenario. */
  readonly kills: number;
  readonly standby: number;
}

interface Scenario {
  readonly batchRows: number;
  /** Orders a second that are fed; as many as go through when left out. */
  readonly rate?: number;
}

/**
 * Waits that a user chooses are taken out, so that what remains is ours: no pause before the retry, and a host that
 * dies again after 100 ms counts as dying for the first time. The stages' retries never run out.
 */
const SETTINGS = "max_restarts=10000,restart_period=100ms,backoff=1ms,backoff_max=1ms";
const POLICY = "RETRY_WITH_BACKOFF|20";
/** No limit to the largest batch_rows. */
const BATCH_BYTES = 8 * 2 ** 20;
/** Runs that end before anything could be killed would go on for ever. */
const RUNS_MAX = 200;
/** Under load a batch has to come in before it can be finished: only small ones tell of recovery there. */
const SCENARIOS: readonly Scenario[] = [
  { batchRows: 4096 },
  { batchRows: 512 },
  { batchRows: 16_384 },
  { batchRows: 256, rate: 50_000 },
  { batchRows: 64, rate: 50_000 },
];
/** The stage that keeps a state, which its next host has to get first. */
const STATEFUL = "group-sums";

/** Gives the exit code: 1 when an output differs. */
export async function measureHostKills(site: Site, options: HostKillOptions): Promise<number> {
  const output = join(site.directory, "kills.ndjson");
  const undisturbed = await runOnce(site, output, { batchRows: 4096 }, 0);
  let differing = 0;
  for (const scenario of SCENARIOS) {
    const { recoveries, digests } = await killThrough(site, output, scenario, options);
    const wrong = digests.filter((digest) => digest !== undisturbed).length;
    differing += wrong;
    print(scenario, recoveries);
    console.log(`${digests.length} runs; outputs that differ from the undisturbed run's: ${wrong}\n`);
  }
  return differing > 0 ? 1 : 0;
}

async function killThrough(site: Site, output: string, scenario: Scenario, { kills, standby }: HostKillOptions) {
  const killer = new Killer({ stages: STAGES.length, standby, random: seededRandom(7), killsMax: kills });
  const digests: string[] = [];
  while (killer.recoveries.length < kills && digests.length < RUNS_MAX) {
    digests.push(await runOnce(site, output, scenario, standby, killer));
    console.error(`run ${digests.length}: ${killer.recoveries.length} of ${kills} kills`);
  }
  return { recoveries: killer.recoveries, digests };
}

/** Gives the digest of the output. */
async function runOnce(
  site: Site,
  output: string,
  { batchRows, rate }: Scenario,
  standby: number,
  killer?: Killer,
): Promise<string> {
  const { directory, executable, input } = site;
  const pipeline = join(directory, "kills.txt");
  // From a pipe a batch waits for its bytes rather than its rows: as many as the rows have.
  const batchBytes = rate ? Math.floor((batchRows * input.bytes) / input.records) : BATCH_BYTES;
  const settings = `${SETTINGS},batch_rows=${batchRows},batch_bytes=${batchBytes}`;
  const params = standby > 0 ? `standby=${standby}` : "";
  writeFileSync(pipeline, pipelineText({ input, output, policy: POLICY, settings, params }));
  const events = join(directory, "events.ndjson");
  const tail = killer && tailEvents(events, (event) => killer.take(event));
  const argv = [executable, "run", pipeline, "--fresh", "--quiet", "--data-dir", join(directory, "kills-state")];
  try {
    if (!killer) await measure(argv);
    else if (!rate) await measure([...argv, "--events", events]);
    else {
      const feedOrders = (sink: FileSink): Promise<void> =>
        feed(sink, input.orders, (rate * input.bytes) / input.records);
      await measure([...argv, "--events", events, "--input", "-"], { feed: feedOrders });
    }
  } finally {
    killer?.stop();
    tail?.close();
  }
  return fileDigest(output);
}

function print({ batchRows, rate }: Scenario, recoveries: readonly Recovery[]): void {
  const load = rate ? `${formatCount(rate)} orders/s` : "full speed";
  const of = (stateful: boolean): Recovery[] => recoveries.filter(({ stage }) => (stage === STATEFUL) === stateful);
  const rows = [
    figures("stages without state", of(false)),
    figures("stage with state", of(true)),
    figures("all", recoveries),
  ];
  const header = [`batch_rows=${batchRows}, ${load}`, "kills", "seen p50", "ready p50", "batch p50", "p99", "max"];
  console.log(table(header, rows));
}

/** Milliseconds from the kill. */
function figures(name: string, of: readonly Recovery[]): string[] {
  const batches = of.map(({ batchMs }) => batchMs);
  const median = (values: readonly number[]): number => quantile(values.filter(Number.isFinite), 0.5);
  const all = [
    median(of.map(({ noticedMs }) => noticedMs)),
    median(of.map(({ readyMs }) => readyMs)),
    median(batches),
    quantile(batches, 0.99),
    Math.max(...batches),
  ];
  return [name, String(of.length), ...all.map((ms) => (Number.isFinite(ms) ? ms.toFixed(1) : "–"))];
}

/**
 * How long a stage stands still when its host is killed: kill -9 of a random plugin host, over and over, while the
 * pipeline runs at full speed. Watched from outside by `--events`. Each run's output must be the undisturbed run's, byte for byte.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FileSink } from "bun";
import { seededRandom } from "../../../src/base/random.ts";
import { pipelineText, type Site, STAGES } from "./contestants.ts";
import { tailEvents } from "./event-tail.ts";
import { feed } from "./feed.ts";
import { Killer, type Recovery } from "./killer.ts";
import { measure } from "./measure.ts";
import type { Options } from "./options.ts";
import { quantile } from "./statistics.ts";
import { table } from "./table.ts";

/**
 * Waits that a user chooses are taken out, so that what remains is ours: no pause before the retry, and a host that
 * dies again after 100 ms counts as dying for the first time. The stages' retries never run out.
 */
const SETTINGS = "max_restarts=10000,restart_period=100ms,backoff=1ms,backoff_max=1ms";
const POLICY = "RETRY_WITH_BACKOFF|20";
/** Runs that end before anything could be killed would go on for ever. */
const RUNS_MAX = 200;

/** Gives the exit code: 1 when an output differs. */
export async function measureRecovery(site: Site, { kills, rate }: Pick<Options, "kills" | "rate">): Promise<number> {
  const output = join(site.directory, "recovery.ndjson");
  const pipeline = join(site.directory, "recovery.txt");
  writeFileSync(pipeline, pipelineText(site.input, output, POLICY, SETTINGS));
  const bytesPerSecond = rate && (rate * site.input.bytes) / site.input.records;
  const undisturbed = await run(site, pipeline, output, undefined, undefined);
  const killer = new Killer({ stages: STAGES.length, random: seededRandom(7), killsMax: kills });
  let differing = 0;
  let runs = 0;
  for (; killer.recoveries.length < kills && runs < RUNS_MAX; runs++) {
    const digest = await run(site, pipeline, output, killer, bytesPerSecond);
    if (digest !== undisturbed) differing++;
    console.error(`run ${runs + 1}: ${killer.recoveries.length} of ${kills} kills`);
  }
  print(killer.recoveries);
  console.log(`\n${runs} runs; outputs that differ from the undisturbed run's: ${differing}`);
  return differing > 0 ? 1 : 0;
}

/** Gives the digest of the output. */
async function run(
  site: Site,
  pipeline: string,
  output: string,
  killer: Killer | undefined,
  bytesPerSecond: number | undefined,
): Promise<string> {
  const events = join(site.directory, "events.ndjson");
  const tail = killer && tailEvents(events, (event) => killer.take(event));
  const state = join(site.directory, "recovery-state");
  const argv = [site.executable, "run", pipeline, "--fresh", "--quiet", "--data-dir", state];
  try {
    if (!killer) await measure(argv);
    else if (!bytesPerSecond) await measure([...argv, "--events", events]);
    else {
      const feedOrders = (sink: FileSink): Promise<void> => feed(sink, site.input.orders, bytesPerSecond);
      await measure([...argv, "--events", events, "--input", "-"], { feed: feedOrders });
    }
  } finally {
    killer?.stop();
    tail?.close();
  }
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(output).stream()) hasher.update(chunk);
  return hasher.digest("hex");
}

function print(recoveries: readonly Recovery[]): void {
  const row = (name: string, of: readonly Recovery[]): string[] => {
    const figures = (values: readonly number[]): string[] => [
      quantile(values, 0.5).toFixed(0),
      quantile(values, 0.99).toFixed(0),
      Math.max(...values).toFixed(0),
    ];
    const noticed = quantile(of.map(({ noticedMs }) => noticedMs).filter(Number.isFinite), 0.5);
    const ready = quantile(of.map(({ readyMs }) => readyMs).filter(Number.isFinite), 0.5);
    return [
      name,
      String(of.length),
      noticed.toFixed(0),
      ready.toFixed(0),
      ...figures(of.map(({ batchMs }) => batchMs)),
    ];
  };
  const stages = STAGES.map((stage) =>
    row(
      stage,
      recoveries.filter((each) => each.stage === stage),
    ),
  );
  const header = ["ms from the kill", "kills", "seen p50", "ready p50", "batch p50", "p99", "max"];
  console.log(table(header, [...stages.filter(([, count]) => count !== "0"), row("all", recoveries)]));
}

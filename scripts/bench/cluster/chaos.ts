/**
 * The chaos run: a master and workers do one pipeline while their processes are killed and stopped, and started again. At the
 * end each order has met its fate once, the output is an undisturbed run's byte for byte, and the accounts agree.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pause, systemClock } from "../../../src/base/clock.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { freePorts } from "../../../test/support/free-port.ts";
import { fileDigest } from "../common/file-digest.ts";
import type { Site } from "../common/site.ts";
import { type ChaosPipeline, chaosPipelineText, pinnedSegments } from "./chaos-pipeline.ts";
import { ALONE, Member, type MemberOptions, type Told } from "./member.ts";
import { type Deed, Mischief } from "./mischief.ts";
import { type Account, accountFaults, deadLetterFaults, obligationsOf, outputFaults } from "./oracle.ts";
import { type Recoveries, recoveriesOf } from "./recoveries.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly everyMs: number;
  /** How long it would take undisturbed, about. */
  readonly minutes: number;
  readonly workers: number;
  /** Processes that are killed or stopped, at most; without it as many as the time has room for. */
  readonly deedsMax?: number;
  /** Workers reach nobody's memory. */
  readonly overLinks?: boolean;
  /** Of the cluster's processes, beyond this one's. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ChaosResult {
  /** In words, what is not as it has to be. */
  readonly faults: readonly string[];
  readonly deeds: readonly Deed[];
  readonly recoveries: Recoveries;
  readonly rewinds: number;
  readonly tookMs: number;
}

/** So many batches, whatever the number of records: with them come the moments at which something may strike. */
const BATCHES = 2_000;
const BATCH_ROWS_MIN = 16;
const LEASE_MS = 1_000;
/** Who starts processes again has them back after so long, or sooner. */
const AWAY_MS_MAX = 500;
/** One seed in two has pauses beside kills. */
const PAUSES_ONE_IN = 2;
/** And one pair of seeds in two a second stage with a state, so four segments in place of two. */
const NUMBERED_ONE_IN = 2;
/** Nothing happens for so long: it hangs. */
const STALL_MS = 45_000;
const LOOK_EVERY_MS = 250;

export async function runChaos(site: Site, options: ChaosOptions): Promise<ChaosResult> {
  const calm = pipelineOf(site, options, "calm");
  const wild = pipelineOf(site, options, "wild");
  await undisturbed(site, calm);
  const obligations = obligationsOf(site.input.orders, site.input.products);
  const { account, deeds, told, tookMs } = await disturbed(site, wild, options);
  const faults = [
    ...outputFaults(obligations, wild.output),
    ...deadLetterFaults(obligations, wild.deadLetters),
    ...accountFaults(obligations, account),
    ...(await sameBytes(calm.output, wild.output)),
  ];
  const recoveries = recoveriesOf(deeds, told, pinnedSegments(wild));
  return { deeds, faults, recoveries, rewinds: account.rewinds, tookMs };
}

async function sameBytes(calm: string, wild: string): Promise<string[]> {
  const same = (await fileDigest(calm)) === (await fileDigest(wild));
  return same ? [] : ["the output is not the undisturbed run's, byte for byte"];
}

function pipelineOf({ directory, input }: Site, options: ChaosOptions, name: string): ChaosPipeline {
  const folder = join(directory, name);
  mkdirSync(folder, { recursive: true });
  const batchRows = Math.max(BATCH_ROWS_MIN, Math.ceil(input.records / BATCHES));
  const waitMs = (options.minutes * 60_000 * options.workers * batchRows) / input.records;
  const isNumbered = Math.floor(options.seed / 2) % NUMBERED_ONE_IN === 1;
  const places = { output: join(folder, "out.ndjson"), deadLetters: join(folder, "dead.ndjson") };
  return { input, ...places, batchRows, waitMs: name === "calm" ? 0 : waitMs, leaseMs: LEASE_MS, isNumbered };
}

function written(pipeline: ChaosPipeline): string {
  const path = join(pipeline.output, "..", "pipeline.txt");
  writeFileSync(path, chaosPipelineText(pipeline));
  return path;
}

async function undisturbed({ directory, executable }: Site, pipeline: ChaosPipeline): Promise<void> {
  const argv = [executable, "run", written(pipeline), "--quiet", "--data-dir", join(directory, "calm", "state")];
  const child = Bun.spawn(argv, { stdio: ["ignore", "ignore", "inherit"] });
  if ((await child.exited) !== 0) throw new Error(`the undisturbed run exited with ${child.exitCode}`);
}

async function disturbed(site: Site, pipeline: ChaosPipeline, options: ChaosOptions) {
  const random = seededRandom(options.seed);
  const told: Told[] = [];
  const startedMs = systemClock.now();
  await using cast = new AsyncDisposableStack();
  const { master, workers } = await enter(site, pipeline, options, told, cast);
  const { deedsMax, everyMs } = options;
  const hasPauses = options.seed % PAUSES_ONE_IN === 1;
  const progress = (): number => sizeOf(pipeline.output);
  const mischief = new Mischief({ random, everyMs, deedsMax, hasPauses, leaseMs: LEASE_MS, master, workers, progress });
  cast.defer(() => mischief.stop());
  const code = await Promise.race([master.ended, stalled(pipeline.output, told)]);
  mischief.stop();
  const last = told.findLast(({ event }) => event === "pipeline") as (Told & Account & { rewinds: number }) | undefined;
  if (code !== 0 || last?.state !== "ended") {
    throw new Error(`the master exited with ${code}, the pipeline is ${last?.state}: ${last?.detail}`);
  }
  return { account: last, deeds: mischief.deeds, told, tookMs: systemClock.now() - startedMs };
}

async function enter(
  { directory, executable }: Site,
  pipeline: ChaosPipeline,
  { env, overLinks, seed, workers }: ChaosOptions,
  told: Told[],
  cast: AsyncDisposableStack,
) {
  const [port, ...others] = (await freePorts(workers + 1)) as [number, ...number[]];
  const away = seededRandom(seed + 1);
  const member = (name: string, words: readonly string[], more: Partial<MemberOptions> = {}): Member => {
    const log = join(directory, "wild", `${name}.log`);
    const state = ["--json", "--data-dir", join(directory, "wild", "state")];
    const argv = [executable, ...words, ...state];
    const awayMs = (): number => away.below(AWAY_MS_MAX);
    return cast.adopt(new Member({ name, argv, log, awayMs, ...(env && { env }), ...more }), (each) => each.close());
  };
  const config = ["--config", written(pipeline), "--until-done"];
  const master = member("master", ["master", "127.0.0.1", String(port), ...config], {
    take: (each) => told.push(each),
  });
  const seeds = ["127.0.0.1", String(port)];
  const all = others.map((own, index) => {
    const name = `worker${index + 1}`;
    return member(name, [name, "127.0.0.1", String(own), ...seeds], overLinks ? { within: ALONE } : {});
  });
  return { master, workers: all };
}

/** Fails when neither the output nor the master's word has moved for long. */
async function stalled(output: string, told: readonly Told[]): Promise<never> {
  let [seen, sinceMs] = [0, systemClock.monotonic()];
  for (;;) {
    await pause(systemClock, LOOK_EVERY_MS);
    const now = sizeOf(output);
    if (now !== seen) [seen, sinceMs] = [now, systemClock.monotonic()];
    if (systemClock.monotonic() - sinceMs > STALL_MS) {
      throw new Error(
        `the output has not grown for ${STALL_MS} ms; the master told last: ${JSON.stringify(told.at(-1))}`,
      );
    }
  }
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

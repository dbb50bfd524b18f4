/**
 * A master and workers beside `run`: how much of its rate is left, who uses the processors, how two workers compare with one, and
 * what it costs when workers do not reach the master's memory. Everybody in turn, medians; each output is held against `run`'s.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatCount } from "../../../src/base/units.ts";
import { fileDigest } from "../common/file-digest.ts";
import { measure } from "../common/measure.ts";
import { type BenchInput, makeInput } from "../common/orders.ts";
import { pipelineText } from "../common/orders-pipeline.ts";
import { median } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { Cluster, type Job } from "./cluster.ts";
import { ALONE } from "./member.ts";
import type { Measurement, Options } from "./options.ts";

interface Place {
  readonly directory: string;
  readonly executable: string;
}

/** Does a job, and says what it took. */
interface Contestant {
  readonly label: string;
  readonly jobs: Job[];
  readonly small: Job[];
  run(input: BenchInput): Promise<Job>;
  /** The output of the last one. */
  readonly output: string;
}

type PipelineOf = (input: BenchInput, output: string) => string;

const POLICY = "RETRY_WITH_BACKOFF|3";
/** As good as nothing: what such a job takes is start and end. */
const SMALL_RECORDS = 1_000;
/** Of the scaling benchmark: some 10 ms of one processor for each batch. */
const SPIN_TURNS = 6_000_000;
const SPIN_BATCHES = 300;
const TITLES: Readonly<Record<Measurement, string>> = {
  throughput: "the benchmark's orders pipeline, five stages",
  scaling: "a stage that keeps a processor busy, one lane",
  bytes: "the orders pipeline without shared memory: batches go over links",
};

/** Gives the exit code: 1 when an output differs. */
export async function measureRates(place: Place, options: Options): Promise<number> {
  let worst = 0;
  for (const measurement of options.only) {
    console.log(`${TITLES[measurement]}\n`);
    worst = Math.max(worst, await compare(place, measurement, options));
  }
  return worst;
}

async function compare(place: Place, measurement: Measurement, { records, runs }: Options): Promise<number> {
  await using cast = new AsyncDisposableStack();
  const all = await contestants(place, measurement, cast);
  const input = makeInput(place.directory, records);
  const small = makeInput(place.directory, SMALL_RECORDS);
  for (const each of all) await each.run(small); // whoever stays up is as warm as he will be
  let differing = 0;
  for (let turn = 0; turn < runs; turn++) {
    const digests = new Set<string>();
    for (const each of rotated(all, turn)) {
      each.small.push(await each.run(small));
      each.jobs.push(await each.run(input));
      digests.add(await fileDigest(each.output));
      console.error(`${each.label}: ${(each.jobs.at(-1)!.wallMs / 1000).toFixed(2)} s`);
    }
    if (digests.size > 1) differing++;
  }
  console.log(tableOf(all, records));
  console.log(
    differing === 0 ? "all outputs are the same, byte for byte\n" : `outputs DIFFER in ${differing} rounds\n`,
  );
  return differing === 0 ? 0 : 1;
}

async function contestants(
  place: Place,
  measurement: Measurement,
  cast: AsyncDisposableStack,
): Promise<readonly Contestant[]> {
  const pipeline = measurement === "scaling" ? spinPipeline : ordersPipeline;
  const cluster = async (workers: number, within: readonly string[] = []): Promise<Contestant> => {
    const directory = join(place.directory, `${measurement}-${workers}${within.length > 0 ? "-alone" : ""}`);
    const site = cast.use(await Cluster.start({ ...place, directory, workers, within }));
    const output = join(directory, "out.ndjson");
    const label = `master + ${workers} worker${workers > 1 ? "s" : ""}${within.length > 0 ? ", over links" : ""}`;
    return { label, jobs: [], small: [], output, run: (input) => site.run(pipeline(input, output)) };
  };
  if (measurement === "bytes") return [runAlone(place, pipeline), await cluster(2), await cluster(2, ALONE)];
  return [runAlone(place, pipeline), await cluster(1), await cluster(2)];
}

function runAlone({ directory, executable }: Place, pipeline: PipelineOf): Contestant {
  const output = join(directory, "run.ndjson");
  const path = join(directory, "run.txt");
  const argv = [executable, "run", path, "--fresh", "--quiet", "--data-dir", join(directory, "run-state")];
  const run = async (input: BenchInput): Promise<Job> => {
    writeFileSync(path, pipeline(input, output));
    const { cpuSeconds, wallMs } = await measure(argv);
    return { wallMs, master: 0, workers: 0, hosts: cpuSeconds };
  };
  return { label: "run", jobs: [], small: [], output, run };
}

function ordersPipeline(input: BenchInput, output: string): string {
  return pipelineText({ input, output, policy: POLICY });
}

function spinPipeline(input: BenchInput, output: string): string {
  const rows = Math.max(16, Math.ceil(input.records / SPIN_BATCHES));
  const spin = join(import.meta.dir, "plugins", "spin.ts");
  return `set|batch_rows=${rows}
orders|source:ndjson|path=${input.orders}
spin|${spin}|turns=${SPIN_TURNS},lanes=1|true|${POLICY}|60s
sink|sink:ndjson|path=${output}
`;
}

function tableOf(all: readonly Contestant[], records: number): string {
  const seconds = ({ jobs }: Contestant): number => median(jobs.map(({ wallMs }) => wallMs)) / 1000;
  const steady = (each: Contestant): number => seconds(each) - median(each.small.map(({ wallMs }) => wallMs)) / 1000;
  const ratio = (each: Contestant, of: (one: Contestant) => number): string => (of(all[0]!) / of(each)).toFixed(2);
  const rows = all.map((each) => {
    const cpu = (key: "master" | "workers" | "hosts"): number => median(each.jobs.map((job) => job[key]));
    const total = cpu("master") + cpu("workers") + cpu("hosts");
    return [
      each.label,
      formatCount(Math.round(records / seconds(each))),
      ratio(each, seconds),
      formatCount(Math.round(records / steady(each))),
      ratio(each, steady),
      total.toFixed(1),
      each === all[0] ? "" : `${((cpu("master") / total) * 100).toFixed(0)} %`,
      each === all[0] ? "" : `${((cpu("workers") / total) * 100).toFixed(0)} %`,
      each.jobs.map(({ wallMs }) => (wallMs / 1000).toFixed(2)).join(" "),
    ];
  });
  const header = ["", "records/s", "÷ run", "without start", "÷ run", "CPU s", "master", "workers", "each run, s"];
  return table(header, rows);
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % Math.max(1, items.length);
  return [...items.slice(at), ...items.slice(0, at)];
}

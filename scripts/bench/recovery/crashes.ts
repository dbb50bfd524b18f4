/**
 * One plugin dies thousands of times in one run, between two others. The output has to be what an undisturbed run makes of the
 * same input, the others have to keep their processes, and the daemon's own memory has to stay what it was.
 */
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pause, systemClock } from "../../../src/base/clock.ts";
import { formatBytes, formatCount, formatDurationMs } from "../../../src/base/units.ts";
import { type LoggedEvent, tailEvents } from "../common/event-tail.ts";
import { fileDigest } from "../common/file-digest.ts";
import { memoryOf } from "../common/process-tree.ts";
import type { Site } from "../common/site.ts";
import { median, quantile } from "../common/statistics.ts";

type Place = Omit<Site, "input">;

const HERE = import.meta.dir;
const CRASHING = "crashing";
const BYSTANDERS = ["before", "after"] as const;
/** Waits that a user chooses are taken out, and the budget is never spent. */
const SETTINGS = "max_restarts=1000000,restart_period=1d,backoff=1ms,backoff_max=1ms";
const POLICY = "RETRY_WITH_BACKOFF|20";
/** A batch from a pipe waits for its bytes, and these are the fewest that are allowed: one write of ours is one batch. */
const BATCH_BYTES = 4096;
const RECORDS_A_BATCH = 20;
const RECORD_BYTES = Math.ceil(BATCH_BYTES / RECORDS_A_BATCH);
/** Before and behind the crashes: everything is compiled and collected, and comes to rest, when memory is looked at. */
const CALM_BATCHES = 2_000;
/** What restarting needs is compiled and loaded, and the heap has found its size: from here on memory must not grow. */
const WARM_UP_CRASHES = 500;
const SETTLE_MS = 2_000;
const SAMPLES = 20;
const SAMPLE_EVERY_MS = 100;
/** Batches given to the run beyond those that it has finished: enough that it never waits for the next. */
const AHEAD_BATCHES = 16;
const FIFTHS = 5;
/** A run that finishes nothing for this long has hung. */
const STUCK_MS = 60_000;

/** Gives the exit code: 1 when a record was lost, doubled or changed, or a bystander restarted. */
export async function measureCrashes(place: Place, crashes: number): Promise<number> {
  const fed = join(place.directory, "fed.ndjson");
  const outputs = { crashed: join(place.directory, "crashed.ndjson"), calm: join(place.directory, "calm.ndjson") };
  const watch = new Watch();
  const startedMs = systemClock.monotonic();
  const memory = await crashingRun(place, { crashes, fed, output: outputs.crashed, watch });
  const tookMs = systemClock.monotonic() - startedMs;
  await calmRun(place, fed, outputs.calm);
  const same = (await fileDigest(outputs.crashed)) === (await fileDigest(outputs.calm));
  const moved = BYSTANDERS.filter((stage) => watch.pids.get(stage)?.size !== 1);
  const change = (memory.after / memory.before - 1) * 100;
  console.log(
    [
      `${formatCount(watch.crashes)} crashes in ${formatDurationMs(tookMs)}; ready again after ${ofAwayMs(watch.awayMs)}`,
      `records: ${formatCount(watch.rows)} in; the output is ${same ? "the undisturbed run's, byte for byte" : "NOT the undisturbed run's"}`,
      `bystanders: ${moved.length === 0 ? "the same processes from the start to the end" : `RESTARTED: ${moved.join(", ")}`}`,
      `own memory of the daemon: ${formatBytes(memory.calm)} before the first crash, ${formatBytes(memory.before)} after ${WARM_UP_CRASHES}, ${formatBytes(memory.after)} after all (${change.toFixed(1)} % more than before them; aimed at: within 5 %)`,
      `lowest and highest in each fifth of the crashes: ${memory.fifths.map(rangeText).join(", ")}`,
    ].join("\n"),
  );
  return same && moved.length === 0 ? 0 : 1;
}

function ofAwayMs(times: readonly number[]): string {
  return `p50 ${quantile(times, 0.5).toFixed(0)} ms, p99 ${quantile(times, 0.99).toFixed(0)} ms`;
}

/** What the events of the run say. */
class Watch {
  crashes = 0;
  /** Finished by the last stage. */
  batches = 0;
  rows = 0;
  readonly awayMs: number[] = [];
  readonly pids = new Map<string, Set<number>>();
  #diedMs: number | undefined;

  take(event: LoggedEvent): void {
    const { stage, time } = event;
    if (event.event === "host_ready") {
      this.pids.set(stage, (this.pids.get(stage) ?? new Set()).add(event.pid));
      if (stage === CRASHING && this.#diedMs !== undefined) this.awayMs.push(time - this.#diedMs);
    } else if (event.event === "host_exited" && stage === CRASHING) {
      this.crashes++;
      this.#diedMs = time;
    } else if (event.event === "batch_done" && stage === BYSTANDERS[1]) {
      this.batches++;
      this.rows += event.rows;
    }
  }
}

interface CrashingRun {
  readonly crashes: number;
  /** Takes a copy of what is fed. */
  readonly fed: string;
  readonly output: string;
  readonly watch: Watch;
}

async function crashingRun(place: Place, { crashes, fed, output, watch }: CrashingRun) {
  const events = join(place.directory, "crash-events.ndjson");
  const tail = tailEvents(events, (event) => watch.take(event));
  const note = join(place.directory, "died-of");
  writeFileSync(fed, ""); // the pipeline file names it
  const child = Bun.spawn([...argvOf(place, "-", output, `note=${note}`), "--events", events], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  const feeder = new Feeder(child, fed, watch);
  try {
    await feeder.feed(false, () => feeder.batches >= CALM_BATCHES);
    const calm = await restingMemory(child.pid);
    await feeder.feed(true, () => watch.crashes >= Math.min(WARM_UP_CRASHES, crashes));
    await feeder.feed(false, rested(feeder));
    const before = await restingMemory(child.pid);
    const course = new MemoryCourse(child.pid, () => watch.crashes / crashes);
    await feeder.feed(true, () => watch.crashes >= crashes);
    const fifths = course.end();
    await feeder.feed(false, rested(feeder));
    const after = await restingMemory(child.pid);
    await feeder.end();
    if ((await child.exited) !== 0) throw new Error(`the run with crashes exited with ${child.exitCode}`);
    return { calm, before, after, fifths };
  } finally {
    child.kill("SIGKILL");
    tail.close();
  }
}

function rested(feeder: Feeder): () => boolean {
  const until = feeder.batches + CALM_BATCHES;
  return () => feeder.batches >= until;
}

async function calmRun(place: Place, input: string, output: string): Promise<void> {
  const child = Bun.spawn(argvOf(place, input, output, ""), { stdio: ["ignore", "ignore", "inherit"] });
  if ((await child.exited) !== 0) throw new Error(`the undisturbed run exited with ${child.exitCode}`);
}

function argvOf({ directory, executable }: Place, input: string, output: string, params: string): string[] {
  const pipeline = join(directory, "crashes.txt");
  const [before, after] = BYSTANDERS;
  const stage = (name: string, file: string, words: string): string =>
    `${name}|${join(HERE, "plugins", file)}|${words}|true|${POLICY}|10000`;
  const lines = [
    `set|${SETTINGS},batch_bytes=${BATCH_BYTES}`,
    `numbers|source:ndjson|path=${join(directory, "fed.ndjson")}`,
    stage(before, "calm.ts", ""),
    stage(CRASHING, "crasher.ts", params),
    stage(after, "calm.ts", ""),
    `sink|sink:ndjson|path=${output}`,
  ];
  writeFileSync(pipeline, `${lines.join("\n")}\n`);
  const state = join(directory, "crashes-state");
  return [executable, "run", pipeline, "--fresh", "--quiet", "--data-dir", state, "--input", input];
}

/** Writes numbered records to the run, a batch at a time and never far ahead of what is finished, and to a file. */
class Feeder {
  batches = 0;
  readonly #run: Bun.Subprocess<"pipe", "ignore", "inherit">;
  readonly #copy: number;
  readonly #watch: Watch;

  constructor(run: Bun.Subprocess<"pipe", "ignore", "inherit">, copy: string, watch: Watch) {
    this.#run = run;
    this.#copy = openSync(copy, "w");
    this.#watch = watch;
  }

  /** Until `enough`, and until what was fed is finished. */
  async feed(crash: boolean, enough: () => boolean): Promise<void> {
    while (!enough()) {
      await this.#write(crash);
      await this.#finished(this.batches - AHEAD_BATCHES);
    }
    await this.#finished(this.batches);
  }

  async end(): Promise<void> {
    closeSync(this.#copy);
    await this.#run.stdin.end();
  }

  async #write(crash: boolean): Promise<void> {
    const first = this.batches * RECORDS_A_BATCH;
    const records = Array.from({ length: RECORDS_A_BATCH }, (_, row) => recordLine(first + row, crash));
    const bytes = Buffer.from(records.join(""));
    writeSync(this.#copy, bytes);
    await this.#run.stdin.write(bytes);
    await this.#run.stdin.flush();
    this.batches++;
  }

  /** In records: a batch is cut in two when the pipe had half of it. */
  async #finished(batches: number): Promise<void> {
    let [rows, sinceMs] = [this.#watch.rows, systemClock.monotonic()];
    while (this.#watch.rows < batches * RECORDS_A_BATCH) {
      await pause(systemClock, 1);
      if (this.#run.exitCode !== null) throw new Error(`the run with crashes exited with ${this.#run.exitCode}`);
      if (this.#watch.rows > rows) [rows, sinceMs] = [this.#watch.rows, systemClock.monotonic()];
      if (systemClock.monotonic() - sinceMs > STUCK_MS) throw new Error(`nothing was finished for ${STUCK_MS} ms`);
    }
  }
}

function recordLine(number: number, crash: boolean): string {
  const start = `{"number":${number},"crash":${crash},"filling":"`;
  return `${start.padEnd(RECORD_BYTES - 3, "-")}"}\n`;
}

interface Range {
  lowest: number;
  highest: number;
}

/**
 * The daemon's own memory on the way, by fifths. The heap grows until it is collected, and when that is, is the collector's
 * business: what must not grow is the lowest of each fifth.
 */
class MemoryCourse {
  readonly #fifths = Array.from({ length: FIFTHS }, (): Range => ({ lowest: Number.POSITIVE_INFINITY, highest: 0 }));
  #timer: { cancel(): void };

  constructor(pid: number, share: () => number) {
    const look = (): void => {
      const { ownBytes } = memoryOf(pid);
      const fifth = this.#fifths[Math.min(FIFTHS - 1, Math.floor(share() * FIFTHS))]!;
      fifth.lowest = Math.min(fifth.lowest, ownBytes);
      fifth.highest = Math.max(fifth.highest, ownBytes);
      this.#timer = systemClock.after(SAMPLE_EVERY_MS, look);
    };
    this.#timer = systemClock.after(SAMPLE_EVERY_MS, look);
  }

  end(): readonly Range[] {
    this.#timer.cancel();
    return this.#fifths.filter(({ highest }) => highest > 0);
  }
}

function rangeText({ highest, lowest }: Range): string {
  return `${formatBytes(lowest)} to ${formatBytes(highest)}`;
}

async function restingMemory(pid: number): Promise<number> {
  await pause(systemClock, SETTLE_MS);
  const samples: number[] = [];
  while (samples.length < SAMPLES) {
    samples.push(memoryOf(pid).ownBytes);
    await pause(systemClock, SAMPLE_EVERY_MS);
  }
  return median(samples);
}

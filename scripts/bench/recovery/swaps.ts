/**
 * Hundreds of swaps under full load: each stage but the first in turn gets a copy of its plugin in its place, while orders
 * go through as fast as they can. The output has to be the undisturbed run's, byte for byte: nothing lost, doubled or reordered.
 */
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { swapStage } from "../../../src/app/control/operate.ts";
import { pause, systemClock } from "../../../src/base/clock.ts";
import { messageOf } from "../../../src/base/errors.ts";
import { formatCount } from "../../../src/base/units.ts";
import { type LoggedEvent, tailEvents } from "../common/event-tail.ts";
import { fileDigest } from "../common/file-digest.ts";
import { measure } from "../common/measure.ts";
import { PLUGINS, pipelineText, STAGES } from "../common/orders-pipeline.ts";
import type { Site } from "../common/site.ts";
import { quantile } from "../common/statistics.ts";
import { table } from "../common/table.ts";

/** The new plugin is trusted at once: a window would keep two hosts for each stage all the time. */
const SETTINGS = "swap_window=0,backoff=1ms,backoff_max=1ms";
const POLICY = "RETRY_WITH_BACKOFF|20";
/** The first stage's waits would not show: a batch's way is timed from there. */
const SWAPPED = STAGES.slice(1);
/** Compilers have done their work by then; what comes before is in neither run's figures. */
const WARM_UP_BATCHES = 100;
const SWAP_MS_MAX = 30_000;
const EXIT_MS = 3_000;
const RUNS_MAX = 200;

/** Gives the exit code: 1 when an output differs or a swap fails. */
export async function measureSwaps(site: Site, swaps: number): Promise<number> {
  const copies = ["a", "b"].map((name) => join(site.directory, name)) as [string, string];
  for (const copy of copies) cpSync(PLUGINS, copy, { recursive: true });
  const calm = new Way();
  const undisturbed = await runOnce(site, calm);
  const way = new Way();
  const swapper = new Swapper(stateOf(site), copies, swaps);
  let [runs, differing] = [0, 0];
  for (; swapper.done < swaps && runs < RUNS_MAX; runs++) {
    const digest = await runOnce(site, way, swapper);
    if (digest !== undisturbed) differing++;
    console.error(`run ${runs + 1}: ${swapper.done} of ${swaps} swaps`);
  }
  print(calm, way, swapper);
  console.log(`${runs} runs with ${formatCount(swapper.done)} swaps; outputs that differ: ${differing}`);
  for (const fault of swapper.faults.slice(0, 5)) console.log(`a swap failed: ${fault}`);
  return differing > 0 || swapper.faults.length > 0 ? 1 : 0;
}

function stateOf({ directory }: Site): string {
  return join(directory, "swap-state");
}

/** Gives the digest of the output. */
async function runOnce(site: Site, way: Way, swapper?: Swapper): Promise<string> {
  const { directory, executable, input } = site;
  const output = join(directory, "swaps.ndjson");
  const pipeline = join(directory, "swaps.txt");
  writeFileSync(pipeline, pipelineText({ input, output, policy: POLICY, settings: SETTINGS }));
  const events = join(directory, "swap-events.ndjson");
  const over = new AbortController();
  const ready = Promise.withResolvers<void>();
  const waiting = new Set<string>(STAGES);
  way.begin();
  const tail = tailEvents(events, (event) => {
    way.take(event);
    if (event.event === "host_ready" && waiting.delete(event.stage) && waiting.size === 0) ready.resolve();
  });
  const swapping = swapper && ready.promise.then(() => swapper.work(over.signal));
  try {
    await measure([executable, "run", pipeline, "--fresh", "--quiet", "--data-dir", stateOf(site), "--events", events]);
  } finally {
    over.abort();
    ready.resolve();
    tail.close();
  }
  await swapping;
  return fileDigest(output);
}

class Swapper {
  done = 0;
  readonly tookMs: number[] = [];
  readonly faults: string[] = [];
  readonly #dataDir: string;
  readonly #copies: readonly [string, string];
  readonly #most: number;

  constructor(dataDir: string, copies: readonly [string, string], most: number) {
    this.#dataDir = dataDir;
    this.#copies = copies;
    this.#most = most;
  }

  /** One swap after the other until there have been enough or the run is over. */
  async work(over: AbortSignal): Promise<void> {
    for (let turn = 0; this.done < this.#most && !over.aborted; turn++) {
      const stage = SWAPPED[turn % SWAPPED.length]!;
      const copy = this.#copies[Math.floor(turn / SWAPPED.length) % 2]!;
      const choices = { dataDir: this.#dataDir, instance: undefined, timeoutMs: SWAP_MS_MAX };
      try {
        const choice = { stage, file: join(copy, `${stage}.ts`), params: undefined };
        const { tookMs } = await swapStage(choices, choice);
        this.tookMs.push(tookMs);
        this.done++;
      } catch (thrown) {
        // A run at its end answers nobody: no fault, and `over` says so within the moment that it takes to exit.
        await pause(systemClock, EXIT_MS, over);
        if (!over.aborted) this.faults.push(messageOf(thrown));
      }
    }
  }
}

/** How long each batch takes from the end of the first stage to the end of the last, and how long the last stood still. */
class Way {
  readonly batchMs: number[] = [];
  readonly gapMs: number[] = [];
  readonly heldMs: number[] = [];
  readonly #under = new Map<string, number>();
  #finished = 0;
  #lastMs = 0;

  /** Another run: its times count from its own start. */
  begin(): void {
    this.#under.clear();
    this.#finished = 0;
  }

  take(event: LoggedEvent): void {
    if (event.event === "swapped") this.heldMs.push(event.heldMs);
    if (event.event !== "batch_done") return;
    if (event.stage === STAGES[0]) this.#under.set(event.batch, event.ms);
    if (event.stage !== STAGES.at(-1)) return;
    const fromMs = this.#under.get(event.batch);
    this.#under.delete(event.batch);
    if (++this.#finished > WARM_UP_BATCHES && fromMs !== undefined) {
      this.batchMs.push(event.ms - fromMs);
      this.gapMs.push(event.ms - this.#lastMs);
    }
    this.#lastMs = event.ms;
  }
}

function print(calm: Way, way: Way, swapper: Swapper): void {
  const row = (name: string, values: readonly number[]): string[] => [
    name,
    formatCount(values.length),
    ...[quantile(values, 0.5), quantile(values, 0.99), Math.max(...values)].map((ms) => ms.toFixed(1)),
  ];
  const rows = [
    row("a batch through four stages, undisturbed", calm.batchMs),
    row("a batch through four stages, with swaps", way.batchMs),
    row("between two finished batches, undisturbed", calm.gapMs),
    row("between two finished batches, with swaps", way.gapMs),
    row("a swap, from the question to the answer", swapper.tookMs),
    row("the stage held back by a swap", way.heldMs),
  ];
  console.log(table(["ms", "count", "p50", "p99", "max"], rows));
  const beyond = Math.max(...way.batchMs) - quantile(way.batchMs, 0.99);
  console.log(`\nlongest wait beyond the run's p99: ${beyond.toFixed(1)} ms (aimed at: at most 50)`);
}

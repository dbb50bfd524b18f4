/**
 * One stage at work: takes a batch from its input edge, has a host process it into a slot of its output edge, and does
 * not give up on it before every record is accounted for. A batch is tried 1 + maxRetries times; then the records that
 * make it fail are found and take the policy's fate, and the others go on without them.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { DeadRow, ProcessMessage } from "../../../process/plugin/index.ts";
import { alignedBytes } from "../../../process/plugin/index.ts";
import { type Failed, findPoison } from "./diagnosis.ts";
import type { Edge } from "./edge.ts";
import type { Lane } from "./lane.ts";
import type { ReplayLog } from "./replay-log.ts";
import { SlotEstimate } from "./slot-estimate.ts";
import type { Turns } from "./turns.ts";
import type { Item, Outcome, Policy, StageCounts, StageEvent, StagePlan, Work } from "./types.ts";
import { type Fallback, Verdict } from "./verdict.ts";

/** Diagnoses in a row without a new guilty record before all records of the batch take the policy's fate. */
const FRUITLESS_ROUNDS_MAX = 3;

export interface StageOptions {
  readonly plan: StagePlan;
  readonly input: Edge;
  readonly output: Edge;
  readonly turns: Turns;
  readonly replays: ReplayLog | undefined;
  readonly fallback: Fallback | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What the last stage produces for the sink; every other stage a batch. */
  readonly encoding: ProcessMessage["encoding"];
  readonly strict: boolean;
  /** Waits before attempt n (from 1) after a failure. */
  backoff(attempt: number): Promise<void>;
  observe?: ((event: StageEvent) => void) | undefined;
}

type Done = Extract<Outcome, { kind: "done" }>;
type Message = Omit<ProcessMessage, "t" | "request" | "output">;

export class Stage {
  readonly #options: StageOptions;
  readonly #estimate = new SlotEstimate();
  /** For people: batches tried again so far, and batches inside now. */
  retries = 0;
  inFlight = 0;
  /** Records taken in so far, committed or not. */
  rows = 0;

  constructor(options: StageOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.plan.name;
  }

  /** Moves the item to the output edge. Fails only when the pipeline has to stop. */
  async process(item: Item): Promise<void> {
    this.inFlight++;
    try {
      const verdict = new Verdict();
      const done = await this.#complete(item, verdict);
      this.#take(item, done, verdict);
    } finally {
      this.inFlight--;
    }
  }

  async #complete(item: Item, verdict: Verdict): Promise<Done> {
    let fruitless = 0;
    for (;;) {
      const outcome = await this.#persist(item, verdict);
      if (outcome.kind === "done") return outcome;
      if (outcome.code === "source.malformed") throw stopFailure(this.name, item.id, outcome.reason);
      const before = verdict.excludedRows;
      await this.#sentence(item, await this.#diagnose(item, verdict), verdict, this.#options.plan.policy);
      fruitless = verdict.excludedRows > before ? 0 : fruitless + 1;
      if (fruitless > 0 && outcome.cause === "too_large") throw stopFailure(this.name, item.id, outcome.reason);
      if (fruitless >= FRUITLESS_ROUNDS_MAX) await this.#sentenceAll(item, verdict, outcome.reason);
    }
  }

  /** It fails, and no record alone is to blame. Without records it is the plugin that cannot go on: its state, its finish. */
  async #sentenceAll(item: Item, verdict: Verdict, reason: string): Promise<void> {
    const rest = verdict.remainingRows(reason, this.#attempts);
    if (rest.length === 0) throw stopFailure(this.name, item.id, reason);
    const { policy } = this.#options.plan;
    await this.#sentence(item, rest, verdict, policy === "FAILOVER" ? "DEAD_LETTER" : policy); // alone each would pass
  }

  get #attempts(): number {
    return 1 + this.#options.plan.maxRetries;
  }

  async #persist(item: Item, verdict: Verdict): Promise<Done | Failed> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#run(item, verdict.work(), attempt > 1);
      if (outcome.kind === "done" || attempt >= this.#attempts || outcome.code === "source.malformed") return outcome;
      this.retries++;
      await this.#options.backoff(attempt);
    }
  }

  async #diagnose(item: Item, verdict: Verdict): Promise<DeadRow[]> {
    if (verdict.total === undefined) verdict.total = await this.#countRows(item);
    const attempts = this.#options.plan.policy === "FAIL_FAST" ? 1 : this.#attempts;
    return findPoison(verdict.rows(), attempts, async (rows) => {
      const outcome = await this.#run(item, { rows, probe: true });
      if (outcome.kind === "failed") return outcome;
      outcome.slot.release();
      return undefined;
    });
  }

  /** The plugin's code does not run for no rows: only a stage that cannot start at all fails here. */
  async #countRows(item: Item): Promise<number> {
    const outcome = await this.#run(item, { rows: [], probe: true });
    if (outcome.kind === "failed") throw stopFailure(this.name, item.id, outcome.reason);
    outcome.slot.release();
    return outcome.counts.total;
  }

  async #sentence(item: Item, found: readonly DeadRow[], verdict: Verdict, policy: Policy): Promise<void> {
    for (const poison of found) {
      if (policy === "FAIL_FAST") throw stopFailure(this.name, item.id, poison.reason);
      if (policy === "SKIP_AND_CONTINUE") verdict.skip(poison);
      else if (policy === "FALLBACK") await this.#rescue(item, poison, verdict);
      else if (policy !== "FAILOVER" || !(await this.#passesElsewhere(item, poison))) verdict.condemn(poison);
    }
  }

  /** FAILOVER: a fresh process has the last word. */
  async #passesElsewhere(item: Item, { row }: DeadRow): Promise<boolean> {
    await new Promise<void>((resolve, reject) => {
      const replace = (lane: Lane): void => {
        lane.recycle("was replaced: a batch failed over to a fresh process");
        resolve();
      };
      this.#options.turns.whenFree(item.seq, true, replace, reject);
    });
    const outcome = await this.#run(item, { rows: [[row, row + 1]], probe: true });
    if (outcome.kind === "done") outcome.slot.release();
    return outcome.kind === "done";
  }

  async #rescue(item: Item, poison: DeadRow, verdict: Verdict): Promise<void> {
    const { fallback } = this.#options;
    const rescued = fallback
      ? await fallback(item, poison.row)
      : new Failure("pipeline.no_fallback", "no fallback is set");
    if (rescued instanceof Failure) verdict.condemn({ ...poison, reason: `${poison.reason}; then ${rescued.message}` });
    else verdict.rescue(poison, rescued);
  }

  /** One attempt; comes back only with a verdict on this batch. */
  async #run(item: Item, work: Work, again = false): Promise<Done | Failed> {
    let wanted = this.#estimate.bytesFor(item.bytes, this.#options.output.shareBytes);
    for (;;) {
      const outcome = await this.#send(item, work, wanted, again || work.probe);
      if (outcome.kind === "outgrown") wanted = outcome.bytes;
      else if (outcome.kind !== "requeue") return outcome;
    }
  }

  async #send(item: Item, work: Work, wanted: number, crashExpected: boolean): Promise<Outcome> {
    const { output, turns, plan, signal } = this.#options;
    const slot = await output.slot(wanted, item.seq, plan.name, signal);
    return new Promise((resolve, reject) => {
      const use = (lane: Lane): void => {
        const message = this.#message(item, work);
        const settle = (outcome: Outcome): void => resolve(this.#settle(item, message, lane, outcome));
        lane.run({ item, work, crashExpected, message, slot, settle });
      };
      turns.whenFree(item.seq, work.probe, use, (reason) => {
        slot.release();
        reject(reason);
      });
    });
  }

  #message(item: Item, work: Work): Message {
    const { clock, encoding, plan, replays, strict } = this.#options;
    const stateful = plan.stateful && !work.probe;
    return {
      input: [item.slot.offset, item.bytes],
      ...work,
      encoding,
      snapshot: stateful && (item.barrier || item.finish || replays?.askSnapshot() === true),
      finish: item.finish && !work.probe,
      strict,
      time: new Date(clock.now()).toISOString(),
    };
  }

  /** Runs at once when the verdict comes, before the lane or anybody's turn moves on. */
  #settle(item: Item, message: Message, lane: Lane, outcome: Outcome): Outcome {
    const { observe, plan, turns } = this.#options;
    if (outcome.kind !== "done") turns.takeBack(item.seq);
    if (outcome.kind === "failed" && plan.sequential)
      lane.recycle("was replaced: a failed batch left its state in doubt");
    if (outcome.kind === "done" && message.probe && plan.stateful)
      lane.recycle("was replaced: a probe changed its state");
    if (outcome.kind === "done" && !message.probe) {
      this.#keepState(item, message, outcome);
      const { counts } = outcome;
      observe?.({ event: "batch_done", lane: lane.number, pid: lane.pid, batch: item.id, rows: counts.in });
      this.#estimate.saw(
        item.bytes,
        outcome.sizes.reduce((sum, size) => sum + alignedBytes(size), 0),
      );
    }
    queueMicrotask(() => turns.serve());
    return outcome;
  }

  /** Not later: the next batch's verdict may stand right behind this one, and a snapshot must not cover that too. */
  #keepState(item: Item, message: Message, { sizes: [main, dead, state], slot }: Done): void {
    const { plan, replays } = this.#options;
    if (!plan.stateful) return;
    if (!message.snapshot) return replays?.add(item.slot.view.subarray(0, item.bytes), message.rows);
    const stateAt = alignedBytes(main) + alignedBytes(dead);
    const snapshot = slot.view.slice(stateAt, stateAt + state);
    if (item.barrier || item.finish) item.result.states.set(plan.name, snapshot);
    replays?.cover(snapshot);
  }

  #take(item: Item, done: Done, verdict: Verdict): void {
    const [main, dead] = done.sizes;
    const view = done.slot.view;
    const deadAt = alignedBytes(main);
    if (dead > 0) item.result.dead.push(view.slice(deadAt, deadAt + dead));
    item.result.malformed += done.counts.malformed;
    const counts = countsOf(done, verdict);
    item.result.counts.push(counts);
    this.rows += counts.in;
    item.slot.release();
    item.slot = done.slot;
    item.bytes = main;
    if (main > 0) done.slot.shrink(main);
  }
}

function countsOf({ counts }: Done, verdict: Verdict): StageCounts {
  const { in: taken, filtered, rejected, added } = counts;
  return {
    in: taken + verdict.dead.length + verdict.skipped + verdict.rescuedRows,
    out: counts.out,
    filtered: filtered + verdict.rescuedFiltered,
    deadLettered: rejected + verdict.dead.length,
    skipped: verdict.skipped,
    added: added + verdict.rescuedAdded,
  };
}

function stopFailure(stage: string, batch: string, reason: string): Failure {
  return new Failure("pipeline.failed", `stage ${stage}: batch ${batch}: ${reason}`, { data: { stage, batch } });
}

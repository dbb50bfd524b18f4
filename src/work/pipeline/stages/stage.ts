/**
 * One stage at work: takes a batch from its input edge, has a host process it into a slot of its output edge, and does
 * not give up on it before every record is accounted for. A batch is tried 1 + maxRetries times; then the records that
 * make it fail are found and take the policy's fate, and the others go on without them.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { DeadRow, RowRange } from "../../../process/plugin/index.ts";
import { alignedBytes } from "../../../process/plugin/index.ts";
import { type Failed, findPoison } from "./diagnosis.ts";
import type { Edge } from "./edge.ts";
import type { Lane } from "./lane.ts";
import { RecentDurations } from "./recent-durations.ts";
import { Attempts, type AttemptsOptions, type Done } from "./stage-attempts.ts";
import { type BreakerProgress, type Refused, StageBreaker } from "./stage-breaker.ts";
import type { Item, Policy, StageCounts } from "./types.ts";
import { type Fallback, Verdict } from "./verdict.ts";

/** Diagnoses in a row without a new guilty record before all records of the batch take the policy's fate. */
const FRUITLESS_ROUNDS_MAX = 3;

/** Code of the failure with which a stage gives a batch back, for another node to try. */
export const FAILED_OVER = "pipeline.failed_over";

export interface StageOptions extends AttemptsOptions {
  readonly input: Edge;
  readonly fallback: Fallback | undefined;
  readonly clock: Clock;
  /** Waits before attempt n (from 1) after a failure. */
  backoff(attempt: number): Promise<void>;
}

/** The breaker came in between, after so many attempts. */
type PassedBy = Refused & { readonly attempts: number };

export class Stage {
  readonly #options: StageOptions;
  readonly #attempts: Attempts;
  readonly #breaker: StageBreaker;
  /** For people: batches tried again so far, and batches inside now. */
  retries = 0;
  inFlight = 0;
  /** Records taken in so far, committed or not. */
  rows = 0;
  /** From a batch's arrival to its result, retries among it. */
  readonly durations: RecentDurations;

  constructor(options: StageOptions) {
    this.#options = options;
    this.durations = new RecentDurations(options.clock);
    this.#breaker = new StageBreaker(options);
    this.#attempts = new Attempts(options, this.#breaker);
  }

  get name(): string {
    return this.#options.plan.name;
  }

  /** Tries at batches that failed. */
  get failures(): number {
    return this.#attempts.failures;
  }

  /** How long batches have waited here for room and for a lane, all together. */
  get waitedMs(): number {
    return this.#attempts.waits.totalMs;
  }

  /** Its circuit breaker; undefined where it has none. */
  get breaker(): BreakerProgress | undefined {
    return this.#breaker.progress();
  }

  /** Moves the item to the output edge. Fails only when the pipeline has to stop. */
  async process(item: Item): Promise<void> {
    this.inFlight++;
    const startedMs = this.#options.clock.monotonic();
    const { trace } = item;
    const own = trace?.within(`stage ${this.name}`);
    item.trace = own;
    try {
      const verdict = new Verdict();
      const done = await this.#complete(item, verdict);
      this.#take(item, done, verdict);
      own?.set(attributesOf(item.result.counts.at(-1)!));
    } catch (thrown) {
      own?.end(thrown);
      throw thrown;
    } finally {
      own?.end();
      item.trace = trace;
      this.durations.record(startedMs);
      this.inFlight--;
    }
  }

  async #complete(item: Item, verdict: Verdict): Promise<Done> {
    let fruitless = 0;
    for (;;) {
      const outcome = await this.#persist(item, verdict);
      if (outcome.kind === "done") return outcome;
      if (outcome.kind === "refused" || outcome.code !== "source.malformed") this.#giveBack(item, outcome.reason);
      if (outcome.kind === "refused") {
        await this.#passBy(item, verdict, outcome);
        continue;
      }
      if (outcome.code === "source.malformed") throw stopFailure(this.name, item.id, outcome.reason);
      const before = verdict.excludedRows;
      await this.#sentence(item, await this.#diagnose(item, verdict), verdict, this.#options.plan.policy);
      fruitless = verdict.excludedRows > before ? 0 : fruitless + 1;
      if (fruitless > 0 && outcome.cause === "too_large") throw stopFailure(this.name, item.id, outcome.reason);
      if (fruitless >= FRUITLESS_ROUNDS_MAX) await this.#sentenceAll(item, verdict, outcome.reason);
    }
  }

  /** FAILOVER, and another node is there: it may do better with the whole batch. Where order counts the batch stays with the others. */
  #giveBack(item: Item, reason: string): void {
    const { plan } = this.#options;
    if (item.failsOver !== true || plan.policy !== "FAILOVER" || plan.sequential) return;
    throw new Failure(FAILED_OVER, `stage ${this.name}: batch ${item.id}: ${reason}`, { data: { stage: this.name } });
  }

  /** It fails, and no record alone is to blame. Without records it is the plugin that cannot go on: its state, its finish. */
  async #sentenceAll(item: Item, verdict: Verdict, reason: string): Promise<void> {
    const together = `${reason} (only together with other records)`;
    const rest = verdict.remainingRows(together, this.#attemptsMax);
    if (rest.length === 0) throw stopFailure(this.name, item.id, reason);
    await this.#sentence(item, rest, verdict, this.#policyOfAll); // alone each would pass
  }

  /** The breaker is open: without asking the plugin, every record takes the policy's fate. The letters need a host all the same. */
  async #passBy(item: Item, verdict: Verdict, { attempts, reason }: PassedBy): Promise<void> {
    if (verdict.total === undefined) verdict.total = await this.#countRows(item);
    await this.#sentence(item, verdict.remainingRows(reason, attempts), verdict, this.#policyOfAll);
  }

  /** Another process can help a record, not a whole batch. */
  get #policyOfAll(): Policy {
    const { policy } = this.#options.plan;
    return policy === "FAILOVER" ? "DEAD_LETTER" : policy;
  }

  get #attemptsMax(): number {
    return 1 + this.#options.plan.maxRetries;
  }

  async #persist(item: Item, verdict: Verdict): Promise<Done | Failed | PassedBy> {
    const work = verdict.work();
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempts.run(item, work, attempt > 1);
      if (outcome.kind === "refused") return { ...outcome, attempts: attempt - 1 };
      if (outcome.kind === "done" || outcome.code === "source.malformed") return outcome;
      const refused = work.rows?.length === 0 ? undefined : this.#breaker.refusesRetry();
      if (refused) return { ...refused, attempts: attempt };
      if (attempt >= this.#attemptsMax) return outcome;
      this.retries++;
      await this.#options.backoff(attempt);
    }
  }

  async #diagnose(item: Item, verdict: Verdict): Promise<DeadRow[]> {
    if (verdict.total === undefined) verdict.total = await this.#countRows(item);
    const attempts = this.#options.plan.policy === "FAIL_FAST" ? 1 : this.#attemptsMax;
    let lastFailure = "";
    const probe = async (rows: readonly RowRange[]): Promise<Failed | undefined> => {
      const outcome = await this.#attempts.run(item, { rows, probe: true });
      if (outcome.kind === "done") outcome.slot.release();
      if (outcome.kind !== "failed") return undefined;
      lastFailure = outcome.reason;
      return outcome;
    };
    return findPoison(verdict.rows(), attempts, probe, (convictedInARow) => {
      this.#breaker.convicted(convictedInARow, lastFailure);
      return this.#breaker.refusesSearch() === undefined;
    });
  }

  /** The plugin's code does not run for no rows: only a stage that cannot start at all fails here. */
  async #countRows(item: Item): Promise<number> {
    const outcome = await this.#attempts.run(item, { rows: [], probe: true });
    if (outcome.kind !== "done") throw stopFailure(this.name, item.id, outcome.reason);
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
    const outcome = await this.#attempts.run(item, { rows: [[row, row + 1]], probe: true });
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

function attributesOf({ deadLettered, filtered, in: taken, out, skipped }: StageCounts) {
  return {
    "rows.in": taken,
    "rows.out": out,
    "rows.filtered": filtered,
    "rows.dead": deadLettered,
    "rows.skipped": skipped,
  };
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

/** One run of one seed: begin, faults with checks, heal, converge. The outcome says what broke, and how to see it again. */
import { seededRandom } from "../../../src/base/random.ts";
import { describeFault, FaultRunner, fork, type PlannedFault, planFaults, Trace, World } from "../world/index.ts";
import { type AnyScenario, type Cast, type Stage, Violation } from "./scenario.ts";

export interface RunOptions {
  readonly seed: number;
  readonly bug?: string | undefined;
  /** Gets each line of a verbose run. */
  readonly print?: ((line: string) => void) | undefined;
  /** Faults of the schedule, by number, that are left out. */
  readonly without?: ReadonlySet<number> | undefined;
}

export interface Failed {
  /** Safety: something happened that must not. Convergence: something did not happen in time. Crash: an exception. */
  readonly kind: "safety" | "convergence" | "crash";
  readonly message: string;
  readonly atMs: number;
  readonly stack?: string | undefined;
}

export interface Outcome {
  readonly scenario: string;
  readonly seed: number;
  readonly failed: Failed | undefined;
  /** Of all that was delivered and of the end state. */
  readonly digest: string;
  readonly events: number;
  readonly simulatedMs: number;
  /** From the end of all faults to the goal. */
  readonly convergedMs: number | undefined;
  readonly faults: number;
  readonly measures: Readonly<Record<string, number>>;
  readonly report: readonly string[];
}

/** How often the goal is looked at. */
const GOAL_EVERY_MS = 250;

export async function runSeed(scenario: AnyScenario, options: RunOptions): Promise<Outcome> {
  return new Run(scenario, options).outcome();
}

class Run {
  readonly #scenario: AnyScenario;
  readonly #options: RunOptions;
  readonly #cast: Cast<unknown>;
  readonly #stage: Stage<unknown>;
  readonly #planned: readonly PlannedFault[];
  #convergedMs: number | undefined;

  constructor(scenario: AnyScenario, options: RunOptions) {
    this.#scenario = scenario;
    this.#options = options;
    const seeds = seededRandom(options.seed);
    this.#cast = scenario.cast({ seed: options.seed, random: fork(seeds), bug: options.bug });
    const cast = this.#cast;
    const world = new World<unknown>({
      seed: seeds.below(2 ** 32),
      nodes: cast.nodes,
      launch: cast.launch,
      trace: new Trace(options.print),
      tagOf: (message) => cast.tagOf(message),
      describe: (message) => cast.describe(message),
      ...(cast.sizeOf && { sizeOf: (message: unknown) => cast.sizeOf!(message) }),
      wallOffsetMsMax: 1_000,
    });
    const faults = new FaultRunner(world, {
      weather: cast.weather,
      upMin: cast.upMin,
      ...(cast.goneMax !== undefined && { goneMax: cast.goneMax }),
      act: (name, node, forMs) => cast.act?.(this.#stage, name, node, forMs),
    });
    this.#stage = { world, faults };
    const all = planFaults(fork(seeds), cast.mix, cast.nodes, scenario.faultsMs);
    this.#planned = all.filter((_, index) => !options.without?.has(index));
  }

  async outcome(): Promise<Outcome> {
    const { world } = this.#stage;
    this.#printPlan();
    let failed: Failed | undefined;
    try {
      failed = (await this.#faulty()) ?? (await this.#converge());
    } catch (thrown) {
      failed = toFailed(thrown, world.nowMs);
    }
    const measures = failed === undefined ? (this.#cast.measures?.(this.#stage) ?? {}) : {};
    world.trace.text(JSON.stringify([measures, failed?.message, world.pending, world.tally.dropped]));
    return {
      scenario: this.#scenario.name,
      seed: this.#options.seed,
      failed,
      digest: world.trace.digest,
      events: world.trace.count,
      simulatedMs: world.nowMs,
      convergedMs: this.#convergedMs,
      faults: this.#planned.length,
      measures,
      report: failed === undefined ? (this.#cast.report?.(this.#stage) ?? []) : [],
    };
  }

  #printPlan(): void {
    for (const { atMs, fault } of this.#planned) {
      this.#options.print?.(`planned ${(atMs / 1000).toFixed(2).padStart(8)} s: ${describeFault(fault)}`);
    }
  }

  async #faulty(): Promise<Failed | undefined> {
    const { world, faults } = this.#stage;
    this.#cast.begin(this.#stage);
    faults.plan(this.#planned);
    const { faultsMs, checkEveryMs } = this.#scenario;
    for (let atMs = checkEveryMs; ; atMs += checkEveryMs) {
      await this.#runTo(Math.min(atMs, faultsMs));
      const failed = this.#checked();
      if (failed !== undefined) return failed;
      if (atMs >= faultsMs) break;
    }
    faults.heal();
    this.#cast.healed?.(this.#stage);
    world.note("phase two");
    return undefined;
  }

  async #converge(): Promise<Failed | undefined> {
    const { world } = this.#stage;
    const { faultsMs, convergeMs } = this.#scenario;
    for (let atMs = faultsMs; ; atMs += GOAL_EVERY_MS) {
      await this.#runTo(Math.min(atMs, faultsMs + convergeMs));
      const failed = this.#checked();
      if (failed !== undefined) return failed;
      const missing = this.#cast.goal(this.#stage);
      if (missing === undefined) break;
      if (atMs >= faultsMs + convergeMs) {
        return { kind: "convergence", message: `not after ${convergeMs} ms: ${missing}`, atMs: world.nowMs };
      }
    }
    this.#convergedMs = world.nowMs - faultsMs;
    return undefined;
  }

  async #runTo(untilMs: number): Promise<void> {
    const { world } = this.#stage;
    if (this.#scenario.isOfParts) await world.runParts(untilMs);
    else world.run(untilMs);
  }

  #checked(): Failed | undefined {
    const message = this.#cast.check?.(this.#stage);
    return message === undefined ? undefined : { kind: "safety", message, atMs: this.#stage.world.nowMs };
  }
}

function toFailed(thrown: unknown, atMs: number): Failed {
  if (thrown instanceof Violation) return { kind: "safety", message: thrown.message, atMs };
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { kind: "crash", message: error.message, atMs, stack: error.stack };
}

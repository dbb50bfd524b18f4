/**
 * Scenario `swim-quiet`: nothing goes wrong but what always does. One hour, 5 % loss, and one process that gets too little of
 * its processor. Nobody may be declared dead, and hardly anybody suspected: that is what local health is for.
 */
import { lanOptions, type MemberEvent, type SwimMessage, type SwimOptions } from "../../../src/protocol/swim/index.ts";
import { type AnyScenario, defineScenario, type Setup, type Stage, Violation } from "../run/index.ts";
import { between, type Weather, type World } from "../world/index.ts";
import { swimBugs } from "./swim-bugs.ts";
import { SwimCast, simulated } from "./swim-cast.ts";
import { idOf } from "./swim-nodes.ts";

export const QUIET_NODES = 16;
const HOUR_MS = 3_600_000;
const LOSS = 0.05;
/**
 * The starved process is blocked for seconds and runs for milliseconds between, so that it sends a ping and is gone before the
 * answer is there: the experiment of the Lifeguard paper.
 */
const BLOCKED_MS_MIN = 1_000;
const BLOCKED_MS_MAX = 2_500;
const RUNS_MS_MIN = 1;
const RUNS_MS_MAX = 5;
const STARVED = 7;
/**
 * In the hour. Loss alone makes some 50: that a ping is lost on its way there or back (10 %), and all three ways round as well
 * (19 % each), happens once in 1,600 probes, and there are 57,600.
 */
const SUSPICIONS_MAX = 200;

const WEATHER: Weather = {
  delay: { shape: "exponential", minMs: 0.2, meanMs: 2, maxMs: 100 },
  loss: LOSS,
  duplicate: 0.001,
  duplicateMs: 1_000,
  reorder: 0.01,
  reorderMs: 50,
};

export const swimQuietScenario = quietScenario({ options: lanOptions(QUIET_NODES), isJudged: true });

export interface QuietOptions {
  readonly options: SwimOptions;
  /** False deaths and too many suspicions are faults; otherwise they are only counted. */
  readonly isJudged: boolean;
}

/** The same hour with other options: to compare them. */
export function quietScenario(quiet: QuietOptions): AnyScenario {
  return defineScenario<SwimMessage>({
    name: "swim-quiet",
    summary: "an hour of 16 nodes with 5 % loss and one starved process: no false death, few suspicions",
    faultsMs: HOUR_MS,
    convergeMs: 60_000,
    checkEveryMs: 5_000,
    seedsMax: 100,
    bugs: swimBugs("no-indirect-probes", "no-local-health"),
    cast: (setup) => new QuietSwim(setup, quiet),
  });
}

class QuietSwim extends SwimCast {
  readonly #isJudged: boolean;
  /** Raised of nodes that are well, by anybody: the fault was in the network or with the one who asked. */
  #ofHealthy = 0;
  #ofStarved = 0;

  constructor(setup: Setup, { isJudged, options }: QuietOptions) {
    super(setup, { nodes: QUIET_NODES, options: simulated(options), weather: WEATHER, mix: { kinds: {} } });
    this.#isJudged = isJudged;
    this.swim.watch({ event: (node, event) => this.#count(node, event) });
  }

  override begin(stage: Stage<SwimMessage>): void {
    super.begin(stage);
    this.#starve(stage.world, BLOCKED_MS_MAX);
  }

  override check(stage: Stage<SwimMessage>): string | undefined {
    const isTooMany = this.#isJudged && this.#ofHealthy > SUSPICIONS_MAX;
    return isTooMany ? `${this.#ofHealthy} suspicions of nodes that are well` : super.check(stage);
  }

  override measures(): Readonly<Record<string, number>> {
    return { "suspicions of the healthy": this.#ofHealthy, "of the starved": this.#ofStarved };
  }

  #count(node: number, { by, kind, member }: MemberEvent): void {
    if (kind === "leave" && this.#isJudged)
      throw new Violation(`node ${node} takes ${member.id} for dead: ${by} said so first`);
    if (kind !== "suspect" || by !== idOf(node)) return;
    if (member.id === idOf(STARVED)) this.#ofStarved++;
    else this.#ofHealthy++;
  }

  /** Blocked and running by turns. An event loop that comes back looks at its timers first. */
  #starve(world: World<SwimMessage>, afterMs: number): void {
    const { random } = this.setup;
    world.at(world.nowMs + afterMs, () => {
      if (world.nowMs >= HOUR_MS) return;
      world.pause(STARVED);
      const forMs = between(random, BLOCKED_MS_MIN, BLOCKED_MS_MAX);
      world.at(world.nowMs + forMs, () => world.resume(STARVED, "timers"));
      this.#starve(world, forMs + between(random, RUNS_MS_MIN, RUNS_MS_MAX));
    });
  }
}

/**
 * Scenario `swim-quiet`: nothing goes wrong but what always does. One hour, 5 % loss, and one process that gets too little of
 * its processor. Nobody may be declared dead, and hardly anybody suspected: that is what local health is for.
 */
import { lanOptions, type SwimMessage } from "../../../src/protocol/swim/index.ts";
import { defineScenario, type Setup, type Stage } from "../run/index.ts";
import { between, type Weather, type World } from "../world/index.ts";
import { swimBugs } from "./swim-bugs.ts";
import { SwimCast, simulated } from "./swim-cast.ts";

export const QUIET_NODES = 16;
const HOUR_MS = 3_600_000;
const LOSS = 0.05;
/**
 * The starved process is blocked for seconds and runs for milliseconds between, so that it sends a ping and is gone before the
 * answer is there: the experiment of the Lifeguard paper.
 */
const BLOCKED_MS_MIN = 1_000;
const BLOCKED_MS_MAX = 3_500;
const RUNS_MS_MIN = 1;
const RUNS_MS_MAX = 5;
const STARVED = 7;

const WEATHER: Weather = {
  delay: { shape: "exponential", minMs: 0.2, meanMs: 2, maxMs: 100 },
  loss: LOSS,
  duplicate: 0.001,
  duplicateMs: 1_000,
  reorder: 0.01,
  reorderMs: 50,
};

export const swimQuietScenario = defineScenario<SwimMessage>({
  name: "swim-quiet",
  summary: "an hour of 16 nodes with 5 % loss and one starved process: no false death, few suspicions",
  faultsMs: HOUR_MS,
  convergeMs: 60_000,
  checkEveryMs: 5_000,
  seedsMax: 100,
  bugs: swimBugs("no-indirect-probes", "no-local-health"),
  cast: (setup) => new QuietSwim(setup),
});

export class QuietSwim extends SwimCast {
  constructor(setup: Setup, options = lanOptions(QUIET_NODES)) {
    super(setup, { nodes: QUIET_NODES, options: simulated(options), weather: WEATHER, mix: { kinds: {} } });
  }

  override begin(stage: Stage<SwimMessage>): void {
    super.begin(stage);
    this.#starve(stage.world, BLOCKED_MS_MAX);
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

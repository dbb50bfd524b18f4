/** Scenario `swim`: 16 nodes and everything that can go wrong at once; then peace, and all must agree. */
import { lanOptions, localOptions, type SwimMessage } from "../../../src/protocol/swim/index.ts";
import { defineScenario, type Setup, type Stage } from "../run/index.ts";
import { CALM, chance, type FaultMix } from "../world/index.ts";
import { swimBugs } from "./swim-bugs.ts";
import { SEEDS, SwimCast, simulated } from "./swim-cast.ts";
import { SimLinks } from "./swim-links.ts";

const NODES = 16;
/** Some seeds have fewer nodes: with three there is nobody to confirm, and one helper. */
const NODES_MIN = 3;
const FEW_SHARE = 0.2;
/** Below the number of seeds, so that one of these always runs in the end. */
const GONE_MAX = 3;
const UP_MIN = 4;

const MIX: FaultMix = {
  kinds: {
    weather: { everyMs: 10_000, forMs: 10_000 },
    split: { everyMs: 15_000, forMs: 12_000 },
    clog: { everyMs: 8_000, forMs: 3_000 },
    pause: { everyMs: 6_000, forMs: 4_000 },
    slow: { everyMs: 15_000, forMs: 10_000 },
    kill: { everyMs: 6_000, forMs: 6_000 },
    drift: { everyMs: 20_000, forMs: 20_000 },
    jump: { everyMs: 20_000, forMs: 0 },
  },
  acts: {
    leave: { everyMs: 12_000, forMs: 8_000 },
    retire: { everyMs: 40_000, forMs: 0 },
    update: { everyMs: 8_000, forMs: 0 },
    link: { everyMs: 1_000, forMs: 0 },
  },
  killedForGood: 0.1,
  driftMax: 0.02,
  lossMax: 0.4,
  delayMsMax: 100,
};

export const swimScenario = defineScenario<SwimMessage>({
  name: "swim",
  summary: "membership of 16 nodes under all faults: no news is made up or goes back, and in the end all agree",
  faultsMs: 60_000,
  convergeMs: 180_000,
  checkEveryMs: 500,
  bugs: swimBugs(
    "no-incarnation-check",
    "dead-resurrected",
    "lives-confused",
    "no-refutation",
    "weak-refutation",
    "suspect-for-ever",
    "replay-accepted",
    "gossip-for-ever",
    "gossip-unbounded",
    "leave-as-death",
    "no-anti-entropy",
    "no-reconnect",
  ),
  cast: (setup) => new FaultySwim(setup),
});

class FaultySwim extends SwimCast {
  #updates = 0;
  #links: SimLinks | undefined;

  constructor(setup: Setup) {
    const { random } = setup;
    const nodes = chance(random, FEW_SHARE) ? NODES_MIN + random.below(NODES - NODES_MIN) : NODES;
    const preset = chance(random, 0.5) ? lanOptions(NODES) : localOptions(NODES);
    const seeds = Math.min(SEEDS, nodes);
    super(setup, {
      nodes,
      seeds,
      options: simulated(preset),
      weather: CALM,
      mix: MIX,
      upMin: Math.min(UP_MIN, nodes - 1),
      goneMax: Math.min(GONE_MAX, seeds - 1),
    });
  }

  override begin(stage: Stage<SwimMessage>): void {
    super.begin(stage);
    this.#links = new SimLinks(this.swim);
  }

  override check(stage: Stage<SwimMessage>): string | undefined {
    this.#links?.look();
    return super.check(stage);
  }

  act({ faults, world }: Stage<SwimMessage>, name: string, node: number, forMs: number): void {
    const machine = this.swim.machine(node);
    if (machine === undefined || this.safety.isLeaving(node)) return;
    if (name === "link") return this.#links?.open(node, this.setup.random.below(this.nodes));
    if (name === "update") {
      const meta = { ...machine.self.meta, name: `renamed ${++this.#updates}` };
      return this.swim.feed(node, { type: "update", meta });
    }
    if (world.nodes.filter(({ isUp }) => isUp).length <= this.upMin) return;
    if (name === "retire" && !faults.retire(node)) return;
    this.safety.mayLeave(node);
    this.swim.feed(node, { type: "leave" });
    if (name === "retire") return;
    world.at(world.nowMs + this.swim.options.leaveSpreadMs + forMs, () => {
      if (!faults.goneForGood.has(node)) world.start(node);
    });
  }
}

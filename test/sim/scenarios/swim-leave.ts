/**
 * Scenario `swim-leave`: nodes leave and come back, one after the other, in a network that only loses a little. Everybody must
 * hold those who left for left, soon, and nobody may ever take one of them for failed.
 */
import { lanOptions, localOptions, type MemberEvent, type SwimMessage } from "../../../src/protocol/swim/index.ts";
import { defineScenario, type Setup, type Stage, Violation } from "../run/index.ts";
import { chance, type Weather } from "../world/index.ts";
import { swimBugs } from "./swim-bugs.ts";
import { SEEDS, SwimCast, simulated } from "./swim-cast.ts";
import { idOf } from "./swim-nodes.ts";

const NODES_MIN = 4;
const NODES_MAX = 16;
const LEAVES = 6;
const FIRST_MS = 15_000;
const LEAVE_EVERY_MS = 12_000;
/** Gossip is chance: once in some 100,000 leaves it misses somebody, who learns it later by comparing views. Not two at once. */
const MISSED_MAX = 1;
/** Farewells take two seconds, and each round of gossip 0.2 s. */
const KNOWN_AFTER_MS = 6_000;
const WEATHER: Weather = {
  delay: { shape: "exponential", minMs: 0.2, meanMs: 2, maxMs: 100 },
  loss: 0.02,
  duplicate: 0.01,
  duplicateMs: 1_000,
  reorder: 0.01,
  reorderMs: 50,
};

export const swimLeaveScenario = defineScenario<SwimMessage>({
  name: "swim-leave",
  summary: "nodes leave and come back, 2 % loss: all hold them left at once, and nobody takes one for failed",
  faultsMs: FIRST_MS + LEAVES * LEAVE_EVERY_MS,
  convergeMs: 60_000,
  checkEveryMs: 1_000,
  bugs: swimBugs("leave-as-death", "gossip-once"),
  cast: (setup) => new LeavingSwim(setup),
});

class LeavingSwim extends SwimCast {
  /** Who did not hear of a farewell in time, by the one who left. */
  readonly #missed = new Map<string, Set<number>>();

  constructor(setup: Setup) {
    const { random } = setup;
    const nodes = NODES_MIN + random.below(NODES_MAX - NODES_MIN + 1);
    const preset = chance(random, 0.5) ? lanOptions(nodes) : localOptions(nodes);
    super(setup, { nodes, options: simulated(preset), weather: WEATHER, mix: { kinds: {} } });
    this.swim.watch({ event: (node, event) => this.#judge(node, event) });
  }

  override begin(stage: Stage<SwimMessage>): void {
    super.begin(stage);
    const { random } = this.setup;
    for (let leave = 0; leave < LEAVES; leave++) {
      const node = random.below(this.nodes);
      // Who is named as a seed comes back: without any of them nobody could.
      const comesBack = node < SEEDS || chance(random, 0.5);
      stage.world.at(FIRST_MS + leave * LEAVE_EVERY_MS, () => this.#leave(stage, node, comesBack));
    }
  }

  #leave({ faults, world }: Stage<SwimMessage>, node: number, comesBack: boolean): void {
    if (!world.nodes[node]!.isUp) return;
    this.safety.mayLeave(node);
    this.#missed.delete(idOf(node));
    this.swim.feed(node, { type: "leave" });
    world.at(world.nowMs + KNOWN_AFTER_MS, () => {
      this.#demandLeft(node);
      if (comesBack) world.start(node);
      else faults.retire(node);
    });
  }

  #demandLeft(node: number): void {
    for (const { index } of this.swim.world.nodes) {
      const state = this.swim.machine(index)?.member(idOf(node))?.state;
      if (state === "alive" || state === "suspect") this.#miss(index, idOf(node), `holds it ${state}`);
    }
  }

  #judge(node: number, { kind, member, reason }: MemberEvent): void {
    if (kind === "leave" && reason !== "left") this.#miss(node, member.id, `takes it for ${reason}`);
  }

  #miss(node: number, id: string, how: string): void {
    const missed = this.#missed.get(id) ?? new Set();
    this.#missed.set(id, missed.add(node));
    if (missed.size > MISSED_MAX)
      throw new Violation(`node ${node} ${how}: ${id} has left, and ${missed.size} have missed it`);
  }
}

/**
 * Scenario `swim-partition`: split in two for as long as it takes both sides to give each other up, then healed. All must come
 * together by themselves, and where both sides had settled, nobody may lose one of its own side over what the other side says.
 */
import { lanOptions, localOptions, type SwimMessage } from "../../../src/protocol/swim/index.ts";
import { defineScenario, type Setup, type Stage, Violation } from "../run/index.ts";
import { CALM, chance, drawWeather, pickDistinct } from "../world/index.ts";
import { swimBugs } from "./swim-bugs.ts";
import { SwimCast, simulated } from "./swim-cast.ts";
import { idOf } from "./swim-nodes.ts";

const NODES_MIN = 4;
const NODES_MAX = 16;
const SPLIT_AT_MS = 15_000;
/** Longer than most sides need to find that all others are gone; one who is left alone may need more, with time-outs that grow. */
const SPLIT_MS = 150_000;
const LOSS_MAX = 0.05;

export const swimPartitionScenario = defineScenario<SwimMessage>({
  name: "swim-partition",
  summary: "4 to 16 nodes split in two until both sides have given each other up, then healed: one cluster again",
  faultsMs: SPLIT_AT_MS + SPLIT_MS,
  convergeMs: 120_000,
  checkEveryMs: 1_000,
  bugs: swimBugs("no-reconnect", "views-believed", "weak-refutation"),
  cast: (setup) => new SplitSwim(setup),
});

class SplitSwim extends SwimCast {
  readonly #side: ReadonlySet<number>;
  #isSettled = false;

  constructor(setup: Setup) {
    const { random } = setup;
    const nodes = NODES_MIN + random.below(NODES_MAX - NODES_MIN + 1);
    const preset = chance(random, 0.5) ? lanOptions(nodes) : localOptions(nodes);
    const mix = { kinds: {}, lossMax: LOSS_MAX, delayMsMax: 20 };
    const weather = chance(random, 0.5) ? CALM : drawWeather(random, mix);
    super(setup, { nodes, options: simulated(preset), weather, mix });
    this.#side = new Set(pickDistinct(random, nodes, 1 + random.below(nodes - 1)));
    this.swim.watch({
      event: (node, { kind, member }) => {
        if (this.#isSettled && kind === "leave" && member.state === "dead") this.#lose(node, member.id);
      },
    });
  }

  override begin(stage: Stage<SwimMessage>): void {
    super.begin(stage);
    const forMs = Number.POSITIVE_INFINITY;
    const split = { kind: "split", side: [...this.#side], way: "both", forMs } as const;
    stage.world.at(SPLIT_AT_MS, () => stage.faults.apply(split));
  }

  healed({ world }: Stage<SwimMessage>): void {
    this.#isSettled = this.isQuiet() && world.nodes.every(({ index }) => this.#holdsOthersDead(index));
  }

  override measures(stage: Stage<SwimMessage>): Readonly<Record<string, number>> {
    return { ...super.measures(stage), settled: Number(this.#isSettled) };
  }

  #lose(node: number, id: string): void {
    const isOwn = [...this.#side].some((each) => idOf(each) === id) === this.#side.has(node);
    if (isOwn)
      throw new Violation(`node ${node} gives up ${id}, which was on its own side of the partition, after healing`);
  }

  #holdsOthersDead(viewer: number): boolean {
    const machine = this.swim.machine(viewer)!;
    return Array.from({ length: this.nodes }, (_, subject) => subject).every(
      (subject) =>
        this.#side.has(subject) === this.#side.has(viewer) || machine.member(idOf(subject))?.state === "dead",
    );
  }
}

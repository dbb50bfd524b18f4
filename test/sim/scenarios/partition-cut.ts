/**
 * Scenario `partition-cut`: one node or two are cut off from the others, on a network and machines that are well otherwise. At no
 * time, not even while detectors are still finding out, may one be up that has given up another who is up as well.
 */
import { membershipOptions } from "../../../src/cluster/membership/index.ts";
import type { PartitionRules, Strategy } from "../../../src/protocol/partition/index.ts";
import { defineScenario, type Setup, type Stage } from "../run/index.ts";
import { CALM, pickDistinct } from "../world/index.ts";
import { MembershipCast } from "./membership-cast.ts";
import type { MembershipMessage } from "./membership-nodes.ts";

const NODES_MIN = 3;
const NODES_MAX = 7;
const CUT_AT_MS = 40_000;
/** All have long decided, and whom they give up is told. */
const CUT_MS = 120_000;

const BUGS: Readonly<Record<string, readonly [words: string, rules: Partial<PartitionRules>]>> = {
  "no-margin": ["a side gives the other up as soon as that may have decided", { marginMs: () => 0 }],
};

export const partitionCutScenario = defineScenario<MembershipMessage>({
  name: "partition-cut",
  summary: "One or two of 3 to 7 memberships cut off: nobody is up who was given up by one that is up, at no time",
  faultsMs: CUT_AT_MS + CUT_MS,
  convergeMs: 120_000,
  checkEveryMs: 100,
  seedsMax: 10_000,
  isOfParts: true,
  bugs: Object.fromEntries(Object.entries(BUGS).map(([name, [words]]) => [name, words])),
  cast: (setup) => new CutCast(setup),
});

function drawStrategy({ random }: Setup, nodes: number): Strategy {
  const strategies: readonly Strategy[] = [
    { kind: "keep-majority" },
    { kind: "keep-majority" },
    { kind: "static-quorum", size: Math.floor(nodes / 2) + 1 },
    { kind: "keep-oldest", downIfAlone: true },
    { kind: "keep-oldest", downIfAlone: false },
  ];
  return strategies[random.below(strategies.length)]!;
}

class CutCast extends MembershipCast {
  #givenUp = 0;

  constructor(setup: Setup) {
    const { random } = setup;
    const nodes = NODES_MIN + random.below(NODES_MAX - NODES_MIN + 1);
    const preset = membershipOptions(random.below(2) === 0 ? "lan" : "local", nodes);
    const strategy = drawStrategy(setup, nodes);
    const rules = setup.bug === undefined ? undefined : { partition: BUGS[setup.bug]![1] };
    super(setup, {
      nodes,
      options: { ...preset, partition: { ...preset.partition, strategy } },
      weather: CALM,
      mix: { kinds: {} },
      upMin: nodes,
      ...(rules && { rules }),
    });
  }

  override begin(stage: Stage<MembershipMessage>): void {
    super.begin(stage);
    const { random } = this.setup;
    const side = pickDistinct(random, this.nodes, 1 + random.below(2));
    const atMs = CUT_AT_MS + random.below(5_000); // anywhere in the rounds of probes
    stage.world.at(atMs, () => stage.faults.apply({ kind: "split", side, way: "both", forMs: CUT_MS }));
  }

  check({ world }: Stage<MembershipMessage>): string | undefined {
    this.#givenUp = Math.max(
      this.#givenUp,
      ...world.nodes.map(({ index }) => this.cluster.membership(index)?.partition.state.downed.length ?? 0),
    );
    return this.tornPairs() === 0 ? undefined : `both are up of a pair of which one has given up the other`;
  }

  measures(): Readonly<Record<string, number>> {
    return { "given up": this.#givenUp };
  }
}

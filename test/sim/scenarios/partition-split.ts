/**
 * Scenario `partition`: whole memberships, split in two and again otherwise, healed in between or not. Once every node has seen
 * its own side and nothing else for long enough, nobody may be up on both sides; in the end all are up in one cluster.
 */
import { membershipOptions } from "../../../src/cluster/membership/index.ts";
import type { PartitionRules, Strategy } from "../../../src/protocol/partition/index.ts";
import { defineScenario, type Setup, type Stage } from "../run/index.ts";
import { CALM, chance, pickDistinct } from "../world/index.ts";
import { MembershipCast } from "./membership-cast.ts";
import type { MembershipMessage } from "./membership-nodes.ts";

const NODES_MIN = 3;
const NODES_MAX = 7;
const FIRST_SPLIT_MS = 30_000;
const SPLITS = 3;
const SPLIT_MS = 90_000;
/** Longer than a suspicion without confirmations lasts with the preset for one machine. */
const STABLE_AFTER_MS = 6_000;
/** Detectors differ by less than a wait, newcomers wait twice, and whoever follows them waits twice more. */
const JUDGED_AFTER_MS = 5 * STABLE_AFTER_MS;

const BUGS: Readonly<Record<string, readonly [words: string, rules: Partial<PartitionRules>]>> = {
  "tie-undecided": ["of two halves both go on", { hasMajority: (mine, all) => mine * 2 >= all }],
  "no-stable-after": ["a side decides with each loss that it sees", { stableMs: () => 1 }],
  "quorum-too-small": ["one less than the quorum will do", { hasQuorum: (mine, _, size) => mine >= size - 1 }],
  "down-votes": ["who was down votes like the others", { waitsForHealing: false, asksOldAndNew: false }],
};

export const partitionScenario = defineScenario<MembershipMessage>({
  name: "partition",
  summary: "3 to 7 memberships split in two, again and otherwise: never both sides up, and all up when it has healed",
  faultsMs: FIRST_SPLIT_MS + SPLITS * SPLIT_MS,
  convergeMs: 120_000,
  checkEveryMs: 500,
  seedsMax: 10_000,
  isOfParts: true,
  bugs: Object.fromEntries(Object.entries(BUGS).map(([name, [words]]) => [name, words])),
  cast: (setup) => new SplitCast(setup),
});

function drawStrategy({ random }: Setup, nodes: number): Strategy {
  const strategies: readonly Strategy[] = [
    { kind: "keep-majority" },
    { kind: "keep-majority" },
    { kind: "static-quorum", size: Math.floor(nodes / 2) + 1 },
    { kind: "keep-oldest", downIfAlone: true },
    { kind: "keep-oldest", downIfAlone: false },
    { kind: "down-all" },
  ];
  return strategies[random.below(strategies.length)]!;
}

class SplitCast extends MembershipCast {
  #side: ReadonlySet<number> = new Set();
  #separateSinceMs: number | undefined;
  #judged = 0;
  #tornMs = 0;

  constructor(setup: Setup) {
    const nodes = NODES_MIN + setup.random.below(NODES_MAX - NODES_MIN + 1);
    const preset = membershipOptions("local", nodes);
    const partition = { ...preset.partition, strategy: drawStrategy(setup, nodes), stableAfterMs: STABLE_AFTER_MS };
    const rules = setup.bug === undefined ? undefined : { partition: BUGS[setup.bug]![1] };
    super(setup, {
      nodes,
      options: { ...preset, partition },
      weather: CALM,
      mix: { kinds: {} },
      upMin: nodes,
      ...(rules && { rules }),
    });
  }

  override begin(stage: Stage<MembershipMessage>): void {
    super.begin(stage);
    const { random } = this.setup;
    for (let split = 0; split < SPLITS; split++) {
      const side = pickDistinct(random, this.nodes, 1 + random.below(this.nodes - 1));
      const atMs = FIRST_SPLIT_MS + split * SPLIT_MS;
      // Half of them last until the next one, without a moment in between in which all see all.
      const forMs = chance(random, 0.5) ? SPLIT_MS : SPLIT_MS / 2;
      stage.world.at(atMs, () => {
        this.#side = new Set(side);
        stage.faults.apply({ kind: "split", side, way: "both", forMs });
      });
      if (forMs < SPLIT_MS) stage.world.at(atMs + forMs, () => this.#healed());
    }
  }

  healed(): void {
    this.#healed();
  }

  check({ world }: Stage<MembershipMessage>): string | undefined {
    if (this.tornPairs() > 0) this.#tornMs += 500;
    const isSeparate = this.#side.size > 0 && world.nodes.every(({ index }) => this.#seesItsSideOnly(index));
    if (!isSeparate) this.#separateSinceMs = undefined;
    else this.#separateSinceMs ??= world.nowMs;
    if (this.#separateSinceMs === undefined || world.nowMs - this.#separateSinceMs < JUDGED_AFTER_MS) return undefined;
    this.#judged++;
    const up = world.nodes.filter(({ index }) => this.cluster.membership(index)!.status === "up");
    const sides = new Set(up.map(({ index }) => this.#side.has(index)));
    if (sides.size < 2) return undefined;
    const told = up.map(
      ({ index }) => `node ${index} (${this.cluster.membership(index)!.partition.state.self.reason})`,
    );
    return `both sides of ${[...this.#side].join(" ")} are up: ${told.join("; ")}`;
  }

  measures(): Readonly<Record<string, number>> {
    return { judged: this.#judged, "torn ms": this.#tornMs };
  }

  #healed(): void {
    this.#side = new Set();
    this.#separateSinceMs = undefined;
  }

  #seesItsSideOnly(node: number): boolean {
    const seen = this.seenBy(node);
    const isMine = (other: number): boolean => this.#side.has(other) === this.#side.has(node);
    return (
      seen.every(isMine) &&
      seen.length === Array.from({ length: this.nodes }, (_, index) => index).filter(isMine).length
    );
  }
}

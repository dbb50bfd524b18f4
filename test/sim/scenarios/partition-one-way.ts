/**
 * Scenario `partition-one-way`: views that are not complementary. Paths are cut one way only, or between some pairs only, so that
 * both sides may see some of the same nodes. Nothing is demanded meanwhile but that memberships stay sane; what comes of it is
 * counted, and in the end all must be up in one cluster again.
 */
import { membershipOptions } from "../../../src/cluster/membership/index.ts";
import { defineScenario, type Setup, type Stage } from "../run/index.ts";
import { CALM, pickDistinct } from "../world/index.ts";
import { MembershipCast } from "./membership-cast.ts";
import type { MembershipMessage } from "./membership-nodes.ts";

const NODES = 5;
const CUT_AT_MS = 30_000;
const CUT_MS = 120_000;
const STABLE_AFTER_MS = 8_000;
const CHECK_EVERY_MS = 500;
/** Of the ways between two sides, so many are cut when it is not all of them in one direction. */
const PAIR_SHARE = 0.5;

export const partitionOneWayScenario = defineScenario<MembershipMessage>({
  name: "partition-one-way",
  summary: "5 memberships with paths cut one way, or between some pairs: counts what becomes of it, and all heal",
  faultsMs: CUT_AT_MS + CUT_MS,
  convergeMs: 180_000,
  checkEveryMs: CHECK_EVERY_MS,
  seedsMax: 10_000,
  isOfParts: true,
  bugs: {},
  cast: (setup) => new OneWayCast(setup),
});

type Way = "sends" | "hears" | "pairs";

class OneWayCast extends MembershipCast {
  readonly #way: Way;
  #tornMs = 0;
  #downMs = 0;
  #allDownMs = 0;

  constructor(setup: Setup) {
    const preset = membershipOptions("local", NODES);
    const partition = { ...preset.partition, stableAfterMs: STABLE_AFTER_MS };
    super(setup, {
      nodes: NODES,
      options: { ...preset, partition },
      weather: CALM,
      mix: { kinds: {} },
      upMin: NODES,
    });
    this.#way = (["sends", "hears", "pairs"] as const)[setup.random.below(3)]!;
  }

  override begin(stage: Stage<MembershipMessage>): void {
    super.begin(stage);
    const { random } = this.setup;
    const side = pickDistinct(random, this.nodes, 1 + random.below(this.nodes - 1));
    stage.world.at(CUT_AT_MS, () => {
      if (this.#way !== "pairs") {
        stage.faults.apply({ kind: "split", side, way: this.#way, forMs: CUT_MS });
        return;
      }
      for (const from of side) {
        for (let to = 0; to < this.nodes; to++) {
          if (side.includes(to) || random.next() >= PAIR_SHARE) continue;
          stage.world.network.cut(from, to);
          stage.world.network.cut(to, from);
        }
      }
    });
  }

  check({ world }: Stage<MembershipMessage>): undefined {
    if (world.nowMs < CUT_AT_MS || world.nowMs > CUT_AT_MS + CUT_MS) return;
    const down = world.nodes.filter(({ index }) => this.cluster.membership(index)?.status === "down").length;
    if (this.tornPairs() > 0) this.#tornMs += CHECK_EVERY_MS;
    if (down > 0) this.#downMs += CHECK_EVERY_MS;
    if (down === this.nodes) this.#allDownMs += CHECK_EVERY_MS;
  }

  /** Of two minutes of each run: how long some were up of which one had given up the other, some were down, all were down. */
  measures(): Readonly<Record<string, number>> {
    const numbers = { runs: 1, "torn ms": this.#tornMs, "some down ms": this.#downMs, "all down ms": this.#allDownMs };
    const torn = Number(this.#tornMs > 0);
    return Object.fromEntries(
      Object.entries({ ...numbers, torn }).map(([name, count]) => [`${this.#way}: ${name}`, count]),
    );
  }
}

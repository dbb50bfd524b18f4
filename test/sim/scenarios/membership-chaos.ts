/**
 * Scenario `membership`: whole memberships under the faults of real networks and machines. No bytes that they make are refused by
 * another, no datagram is too large, nothing throws; and in peace all are up in one cluster.
 */
import { type MembershipRules, membershipOptions, type Seal } from "../../../src/cluster/membership/index.ts";
import { swimRules } from "../../../src/protocol/swim/index.ts";
import { defineScenario, type Setup, type Stage } from "../run/index.ts";
import { CALM, type FaultMix } from "../world/index.ts";
import { MembershipCast } from "./membership-cast.ts";
import { type MembershipMessage, TOY_SEAL } from "./membership-nodes.ts";

const NODES = 8;
const STABLE_AFTER_MS = 6_000;

const MIX: FaultMix = {
  kinds: {
    weather: { everyMs: 10_000, forMs: 10_000 },
    split: { everyMs: 20_000, forMs: 15_000 },
    clog: { everyMs: 8_000, forMs: 2_000 },
    pause: { everyMs: 8_000, forMs: 3_000 },
    slow: { everyMs: 15_000, forMs: 8_000 },
    kill: { everyMs: 10_000, forMs: 8_000 },
    drift: { everyMs: 20_000, forMs: 20_000 },
    jump: { everyMs: 20_000, forMs: 0 },
  },
  acts: { update: { everyMs: 5_000, forMs: 0 } },
  driftMax: 0.02,
  lossMax: 0.3,
  delayMsMax: 50,
};

/** A port that damages what it seals: the codec must refuse it, and the checker see that. */
const CUTTING_SEAL: Seal = { ...TOY_SEAL, seal: (bytes, to) => TOY_SEAL.seal(bytes.subarray(0, -1), to) };

interface Bug {
  readonly words: string;
  readonly seal?: Seal;
  readonly rules?: MembershipRules;
}

const BUGS: Readonly<Record<string, Bug>> = {
  "datagrams-cut": { words: "the last byte of each datagram gets lost before it is sealed", seal: CUTTING_SEAL },
  "no-reconnect": {
    words: "the dead are never tried again",
    rules: { swim: { ...swimRules, reconnectChance: () => 0 } },
  },
  "no-refutation": {
    words: "a node does not contradict what is said of it",
    rules: { swim: { ...swimRules, refutes: () => false } },
  },
};

export const membershipScenario = defineScenario<MembershipMessage>({
  name: "membership",
  summary: "8 whole memberships with codec and partitions under all faults: none refuses another's bytes, and all heal",
  faultsMs: 60_000,
  convergeMs: 180_000,
  checkEveryMs: 1_000,
  seedsMax: 10_000,
  isOfParts: true,
  bugs: Object.fromEntries(Object.entries(BUGS).map(([name, { words }]) => [name, words])),
  cast: (setup) => new ChaosCast(setup),
});

class ChaosCast extends MembershipCast {
  #updates = 0;

  constructor(setup: Setup) {
    const preset = membershipOptions("local", NODES);
    const partition = { ...preset.partition, stableAfterMs: STABLE_AFTER_MS };
    const { rules, seal } = setup.bug === undefined ? {} : BUGS[setup.bug]!;
    const planted = { ...(rules && { rules }), ...(seal && { seal }) };
    super(setup, { nodes: NODES, options: { ...preset, partition }, weather: CALM, mix: MIX, upMin: 3, ...planted });
  }

  act({ world }: Stage<MembershipMessage>, _name: string, node: number): void {
    const membership = this.cluster.membership(node);
    if (membership === undefined || world.nodes[node]!.isPaused) return;
    membership.update({ ...membership.self.meta, name: `renamed ${++this.#updates}` });
  }

  check({ world }: Stage<MembershipMessage>): string | undefined {
    for (const { index } of world.nodes) {
      const { dropped = {} } = this.cluster.membership(index)?.counts() ?? {};
      for (const reason of ["malformed", "version", "oversized", "forged"]) {
        if (dropped[reason]) return `node ${index} has refused ${dropped[reason]} messages as ${reason}`;
      }
    }
    return undefined;
  }

  measures({ world }: Stage<MembershipMessage>): Readonly<Record<string, number>> {
    return { lives: world.nodes.reduce((sum, { life }) => sum + life, 0), updates: this.#updates };
  }
}

/** All balancers, each with what the suite may ask of it. A new one is added here, and held to everything. */
import { seededRandom } from "../../../src/base/random.ts";
import {
  BALANCER_NAMES,
  type Balancer,
  type BalancerName,
  type Candidate,
  createBalancer,
  OutlierDetector,
  smallClusterOutliers,
  withOutlierEjection,
} from "../../../src/protocol/balance/index.ts";

export interface Case {
  readonly name: string;
  make(seed: number): Balancer;
  /** How far equal candidates' shares of 3,000 picks may lie from their mean, as a part of it. */
  readonly unfairness: number;
}

/** In turn: one more or less. By chance: five standard deviations of a third of 3,000. */
const EXACT = 0.001;
const BY_CHANCE = 0.13;

const UNFAIRNESS: Readonly<Record<BalancerName, number>> = {
  ROUND_ROBIN: EXACT,
  WEIGHTED_ROUND_ROBIN: EXACT,
  LEAST_CONNECTIONS: EXACT,
  LEAST_LOAD: EXACT,
  RESPONSE_TIME: 0.05,
  POWER_OF_TWO: BY_CHANCE,
  CONSISTENT_HASH: BY_CHANCE,
  CUSTOM: EXACT,
};

/** Whoever is last in the list: right by the contract, and nothing that another balancer does. */
function selectLast(candidates: readonly Candidate[]): string | undefined {
  return candidates.at(-1)?.id;
}

function make(name: BalancerName, seed: number, select = selectLast): Balancer {
  return createBalancer(name, { random: seededRandom(seed), select });
}

const plain: readonly Case[] = BALANCER_NAMES.filter((name) => name !== "CUSTOM").map((name) => ({
  name,
  make: (seed) => make(name, seed),
  unfairness: UNFAIRNESS[name],
}));

const custom: readonly Case[] = [
  { name: "CUSTOM whose select fails", make: (seed) => make("CUSTOM", seed, () => "nobody"), unfairness: EXACT },
  { name: "CUSTOM", make: (seed) => make("CUSTOM", seed), unfairness: Number.POSITIVE_INFINITY },
];

const ejecting: readonly Case[] = plain.map((each) => ({
  ...each,
  name: `${each.name} with outlier ejection`,
  make: (seed) => {
    const detector = new OutlierDetector(smallClusterOutliers, seededRandom(seed + 1));
    return withOutlierEjection(each.make(seed), detector, () => {});
  },
}));

export const CASES: readonly Case[] = [...plain, ...custom, ...ejecting];

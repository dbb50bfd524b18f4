/** The names of balancers as people write them, and a line on each for `check --explain`. */
import { BALANCER_NAMES, type BalancerName } from "./contract.ts";

export const balancerDocs: Readonly<Record<BalancerName, string>> = {
  ROUND_ROBIN: "each node in turn; for equal nodes and equal batches",
  WEIGHTED_ROUND_ROBIN: "in turn by weight, evenly mixed: a node of weight 2 gets twice as many, never in a burst",
  LEAST_CONNECTIONS: "the node with the fewest batches under way for its weight; adapts to slow nodes by itself",
  LEAST_LOAD: "the node with the most room by its own reports of CPU, memory and queue; old reports count less",
  RESPONSE_TIME: "the node that would answer soonest, by its recent peak response times; failures count as slow",
  POWER_OF_TWO: "the less busy of two nodes drawn at random; for many nodes and several masters",
  CONSISTENT_HASH: "one key goes to one node unless that is overloaded; few keys move when nodes come or go",
  CUSTOM: "a plugin's `select` decides; round robin when it fails or names somebody else",
};

/** For error messages: what may be written. */
export const BALANCER_FORM = `one of ${BALANCER_NAMES.join(", ")}`;

/** Other spellings: of the documents, and what neighbouring systems call the same thing. Without separators. */
const ALIASES: Readonly<Record<string, BalancerName>> = {
  RR: "ROUND_ROBIN",
  WRR: "WEIGHTED_ROUND_ROBIN",
  LEASTCONN: "LEAST_CONNECTIONS",
  LEASTCONNECTION: "LEAST_CONNECTIONS",
  LEASTREQUEST: "LEAST_CONNECTIONS",
  LEASTREQUESTS: "LEAST_CONNECTIONS",
  LEASTOUTSTANDING: "LEAST_CONNECTIONS",
  LEASTRESPONSETIME: "RESPONSE_TIME",
  EWMA: "RESPONSE_TIME",
  PEAKEWMA: "RESPONSE_TIME",
  LATENCY: "RESPONSE_TIME",
  P2C: "POWER_OF_TWO",
  POWEROFTWOCHOICES: "POWER_OF_TWO",
  HASH: "CONSISTENT_HASH",
  CONSISTENTHASHING: "CONSISTENT_HASH",
  RINGHASH: "CONSISTENT_HASH",
};

const SPELLINGS: ReadonlyMap<string, BalancerName> = new Map([
  ...BALANCER_NAMES.map((name) => [plain(name), name] as const),
  ...Object.entries(ALIASES),
]);

/** Case, hyphens, underscores and spaces do not matter; undefined when it names no balancer. */
export function parseBalancer(text: string): BalancerName | undefined {
  return SPELLINGS.get(plain(text));
}

function plain(text: string): string {
  return text.trim().toUpperCase().replaceAll(/[-_ ]/g, "");
}

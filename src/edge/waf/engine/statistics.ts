/**
 * What rules would have done to real traffic, and which exclusions that asks for. A rule that matches one variable of one route in requests of
 * many clients is most probably wrong about that variable; an attacker is one client, or few. Bounded in pairs and clients.
 */
import { addressKey } from "../../../base/ip-address.ts";
import { STATISTICS_CLIENTS_MAX, STATISTICS_MAX } from "./limits.ts";
import type { WafMatch, WafProposal } from "./words.ts";

/** Below these the evidence is too thin to propose anything. */
export const PROPOSAL_CLIENTS_MIN = 5;
export const PROPOSAL_REQUESTS_MIN = 20;
/** Rules that add up scores and tell of them: what they match is no variable of a request. */
const EVALUATIONS = ["anomaly-evaluation", "event-correlation", "attack-generic"];

/**
 * A client names its parameters: what it writes must mean that one variable and nothing else, in a directive and in the gateway file. Names with other
 * letters are not proposed, however well founded.
 */
const PLAIN = /^[A-Z_]+(?::[\w$@~.*+[\]:-]{1,128})?$/;
/** One IPv6 client has at least so many bits for itself, as the limits count too. */
const CLIENT_IPV6_BITS = 64;

interface Pair {
  readonly match: WafMatch;
  readonly variable: string;
  readonly route: string;
  requests: number;
  readonly clients: Set<string>;
}

export class Statistics {
  readonly #pairs = new Map<string, Pair>();
  readonly #routeRequests = new Map<string, number>();
  /** Matches that found no room any more. */
  overflown = 0;

  note(route: string, client: string, matches: readonly WafMatch[]): void {
    const counted = addressKey(client, CLIENT_IPV6_BITS);
    this.#routeRequests.set(route, (this.#routeRequests.get(route) ?? 0) + 1);
    const seen = new Set<string>();
    for (const match of matches) {
      if (match.variable === "" || match.severity === "" || match.tags.some((tag) => EVALUATIONS.includes(tag)))
        continue;
      const variable = match.variable.toLowerCase().startsWith("tx:") ? "" : match.variable;
      const key = `${match.ruleId} ${route} ${variable}`;
      if (variable === "" || seen.has(key)) continue;
      seen.add(key);
      this.#count(key, match, variable, route, counted);
    }
  }

  #count(key: string, match: WafMatch, variable: string, route: string, client: string): void {
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      if (this.#pairs.size >= STATISTICS_MAX) {
        this.overflown += 1;
        return;
      }
      pair = { match, variable, route, requests: 0, clients: new Set() };
      this.#pairs.set(key, pair);
    }
    pair.requests += 1;
    if (pair.clients.size < STATISTICS_CLIENTS_MAX) pair.clients.add(client);
  }

  proposals(): WafProposal[] {
    const groups = new Map<string, Pair[]>();
    for (const pair of this.#pairs.values()) {
      const key = `${pair.match.ruleId} ${pair.variable}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [pair]);
      else group.push(pair);
    }
    const proposals: WafProposal[] = [];
    for (const group of groups.values()) {
      const proposal = this.#propose(group);
      if (proposal !== undefined) proposals.push(proposal);
    }
    return proposals.sort((one, other) => other.evidence.requests - one.evidence.requests);
  }

  #propose(group: readonly Pair[]): WafProposal | undefined {
    const first = group[0]!;
    const clients = new Set(group.flatMap((pair) => [...pair.clients])).size;
    const requests = group.reduce((sum, pair) => sum + pair.requests, 0);
    if (clients < PROPOSAL_CLIENTS_MIN || requests < PROPOSAL_REQUESTS_MIN) return undefined;
    const { variable } = first;
    if (!PLAIN.test(variable)) return undefined;
    const { ruleId, message } = first.match;
    const all = group.reduce((sum, pair) => sum + (this.#routeRequests.get(pair.route) ?? 0), 0);
    return {
      directive: `SecRuleUpdateTargetById ${ruleId} "!${variable}"`,
      exclude: `${ruleId}:${variable}`,
      ruleId,
      variable,
      message,
      evidence: {
        requests,
        clients,
        routes: group.map((pair) => ({ route: pair.route, requests: pair.requests })),
        share: all === 0 ? 0 : requests / all,
        sample: first.match.piece,
      },
    };
  }
}

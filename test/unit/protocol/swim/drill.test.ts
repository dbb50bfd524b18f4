/** The drill passes with the right rules, and sees each bug that is planted in them. */
import { describe, expect, test } from "bun:test";
import { localOptions, type SwimRules, swimRules } from "../../../../src/protocol/swim/index.ts";
import { drill } from "./drill.ts";
import { Network } from "./network.ts";

const SEEDS = 25;

const BUGS: Readonly<Record<string, Partial<SwimRules>>> = {
  "no incarnation check": { supersedes: () => true },
  "no refutation": { refutes: () => false },
  "a refutation with the same incarnation": { refutation: (_, own) => own.incarnation },
  "a suspicion without time-out": { suspicionMs: () => undefined },
  "a suspicion with no time to refute": { suspicionMs: () => 1 },
  "the dead rise by old news": {
    supersedes: (news, known) => news.state === "alive" || swimRules.supersedes(news, known),
  },
  "gossip that is never dropped": { transmitsMax: () => Number.POSITIVE_INFINITY },
  "gossip without a bound in bytes": { gossipBytesMax: () => Number.POSITIVE_INFINITY },
  "no indirect probes": { indirectProbes: () => 0 },
  "a farewell that is a death": { farewell: "dead" },
  "the dead are never tried again": { reconnectChance: () => 0 },
  "answers to nothing are accepted, of anybody": { acceptsStrayAcks: true, suspicionMs: () => undefined },
};

describe("Swim in a drill", () => {
  test(`drill() finds nothing in ${SEEDS} runs when the rules are right`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) expect([seed, ...drill(seed)]).toEqual([seed]);
  });

  for (const [name, changed] of Object.entries(BUGS)) {
    test(`drill() finds the planted bug: ${name}`, () => {
      let found: readonly string[] = [];
      for (let seed = 1; seed <= SEEDS && found.length === 0; seed++) found = drill(seed, changed);
      expect(found).not.toEqual([]);
    });
  }
});

describe("Swim among 16 processes of one machine", () => {
  test("localOptions() have a killed one suspected by 1.5 s in the middle, and dead everywhere by 5 s", () => {
    const firsts: number[] = [];
    const deaths: number[] = [];
    for (let seed = 1; seed <= 30; seed++) {
      const net = new Network({ seed, preset: localOptions() });
      const nodes = net.addCluster(16);
      net.run(10_000 + 137 * seed);
      const [victim, ...others] = nodes.reverse();
      const killedMs = net.nowMs;
      net.kill(victim!);
      net.run(15_000);
      const heard = (kind: string): number[] =>
        others
          .flatMap(({ events }) => events.filter((each) => each.kind === kind && each.atMs >= killedMs))
          .map(({ atMs }) => atMs - killedMs);
      firsts.push(Math.min(...heard("suspect")));
      expect(heard("leave").length).toBe(15);
      deaths.push(...heard("leave"));
    }
    const quantile = (values: number[], share: number): number =>
      values.sort((a, b) => a - b)[Math.floor(share * values.length)]!;
    expect(quantile(firsts, 0.5)).toBeLessThan(1_500);
    expect(quantile(deaths, 0.99)).toBeLessThan(5_000);
  });
});

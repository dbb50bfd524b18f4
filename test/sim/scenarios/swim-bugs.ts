/** Bugs that are planted into the membership protocol: one wrong rule each, where production has the right one. */
import { type Member, type SwimRules, swimRules } from "../../../src/protocol/swim/index.ts";

interface Bug {
  readonly words: string;
  readonly rules: Partial<SwimRules>;
}

const GRAVITY = { alive: 0, suspect: 1, dead: 2, left: 3 } as const;

function isGraver(news: Member, known: Member): boolean {
  return GRAVITY[news.state] > GRAVITY[known.state];
}

export const SWIM_BUGS = {
  "no-incarnation-check": {
    words: "any news of the same life is believed, also older than what is known",
    rules: {
      supersedes: (news, known) =>
        news.bornMs > known.bornMs ||
        (news.bornMs === known.bornMs && (news.incarnation !== known.incarnation || isGraver(news, known))),
    },
  },
  "dead-resurrected": {
    words: "alive is believed of a dead member although nobody has contradicted its death",
    rules: {
      supersedes: (news, known) =>
        (news.state === "alive" && known.state === "dead" && news.bornMs === known.bornMs) ||
        swimRules.supersedes(news, known),
    },
  },
  "lives-confused": {
    words: "the birth of a process is not looked at: an earlier life with a higher incarnation wins",
    rules: {
      supersedes: (news, known) =>
        news.incarnation > known.incarnation || (news.incarnation === known.incarnation && isGraver(news, known)),
    },
  },
  "no-refutation": { words: "a node does not contradict what is said of it", rules: { refutes: () => false } },
  "weak-refutation": {
    words: "a refutation has the incarnation of the suspicion, which is graver",
    rules: { refutation: (_claim, own) => own.incarnation },
  },
  "suspect-for-ever": { words: "a suspicion never ends in death", rules: { suspicionMs: () => undefined } },
  "replay-accepted": {
    words: "an answer to an older probe is taken for one to the probe under way",
    rules: { acceptsStrayAcks: true },
  },
  "gossip-for-ever": {
    words: "news is sent along for ever",
    rules: { transmitsMax: () => Number.POSITIVE_INFINITY },
  },
  "gossip-once": { words: "news is sent along to one message's receiver only", rules: { transmitsMax: () => 1 } },
  "gossip-unbounded": {
    words: "as much gossip on a message as there is",
    rules: { gossipBytesMax: () => Number.POSITIVE_INFINITY },
  },
  "leave-as-death": { words: "one who leaves says that it is dead", rules: { farewell: "dead" } },
  "no-anti-entropy": { words: "views are never compared", rules: { syncIntervalMs: () => undefined } },
  "no-indirect-probes": { words: "nobody else is asked to probe", rules: { indirectProbes: () => 0 } },
  "no-local-health": {
    words: "time-outs do not grow with bad local health",
    rules: { scaledMs: (ms) => ms, forgivenMs: () => 0 },
  },
  "no-reconnect": { words: "the dead are never tried again", rules: { reconnectChance: () => 0 } },
  "views-believed": {
    words: "a death that a whole view tells of is believed at once",
    rules: { believesDeathsOfViews: true },
  },
  "subjects-not-told": { words: "a suspect that is probed is not told of it", rules: { tellsSubjects: false } },
} as const satisfies Readonly<Record<string, Bug>>;

export type SwimBug = keyof typeof SWIM_BUGS;

export function swimBugs(...names: readonly SwimBug[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, SWIM_BUGS[name].words]));
}

export function rulesWith(bug: string | undefined): SwimRules {
  if (bug === undefined) return swimRules;
  return { ...swimRules, ...SWIM_BUGS[bug as SwimBug].rules };
}

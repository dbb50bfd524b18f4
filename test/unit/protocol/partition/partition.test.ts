import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { PartitionRules, Strategy } from "../../../../src/protocol/partition/index.ts";
import { World } from "./world.ts";

const STABLE_MS = 1_000;
/** More of them find rarer faults. */
const RUNS = Number(process.env.PARTITION_RUNS ?? 1_500);

function letters(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => String.fromCharCode(97 + index));
}

function clusterOf(
  strategy: Strategy,
  nodes: number,
  rules: Partial<PartitionRules> = {},
  tells = { tellsStandings: true, tellsHearsay: true },
  marginMs = 0,
): World {
  const world = new World({ options: { strategy, stableAfterMs: STABLE_MS, marginMs }, rules, ...tells });
  for (const [index, id] of letters(nodes).entries()) {
    world.start(id, 0, index % 2 === 0 ? ["core"] : []);
    world.pass(1);
  }
  world.settle();
  if (!world.isCalm) throw new Error(`a new cluster does not come to rest\n${world}`);
  return world;
}

function strategiesFor(nodes: number): readonly Strategy[] {
  return [undefined, "core"].flatMap((role): Strategy[] => {
    const counted = role === undefined ? nodes : Math.ceil(nodes / 2);
    return [
      { kind: "keep-majority", role },
      { kind: "static-quorum", size: Math.floor(counted / 2) + 1, role },
      { kind: "static-quorum", size: Math.max(1, Math.floor(counted / 2)), role },
      { kind: "keep-oldest", downIfAlone: false, role },
      { kind: "keep-oldest", downIfAlone: true, role },
      { kind: "down-all" },
    ];
  });
}

/** The first two-way split after which both sides are up, in words; undefined when there is none. */
function splitWithTwoSidesUp(nodesMax: number, rules: Partial<PartitionRules> = {}): string | undefined {
  for (let nodes = 2; nodes <= nodesMax; nodes++) {
    for (const strategy of strategiesFor(nodes)) {
      const world = clusterOf(strategy, nodes, rules);
      for (let split = 1; split < 2 ** nodes - 1; split++) {
        world.part((_, index) => (split >> index) & 1);
        world.settle();
        if (world.sidesUp.length > 1) return `${JSON.stringify(strategy)}\n${world}`;
        world.part(() => 0);
        world.settle();
        if (world.ids.some((id) => world.machine(id).status === "down")) return `not healed\n${world}`;
      }
    }
  }
  return undefined;
}

/** Whoever is told of nobody that was away before must be told the standings of the others. */
const TELLS = [
  { tellsStandings: true, tellsHearsay: true },
  { tellsStandings: true, tellsHearsay: false },
  { tellsStandings: false, tellsHearsay: true },
];

type Op = { kind: string; pick: number; sides: readonly number[]; isShort: boolean };
const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.constantFrom("part", "part", "part", "heal", "crash", "start", "leave"),
  pick: fc.nat({ max: 20 }),
  sides: fc.array(fc.nat({ max: 2 }), { minLength: 12, maxLength: 12 }),
  isShort: fc.boolean(),
});

function happen(world: World, { isShort, kind, pick, sides }: Op): void {
  const { ids } = world;
  const some = ids[pick % ids.length]!;
  if (kind === "part") world.part((_, index) => sides[index % sides.length]!);
  if (kind === "heal") world.part(() => 0);
  if (kind === "crash" && ids.length > 1) world.crash(some);
  if (kind === "leave" && ids.length > 1) world.leave(some);
  const [id, places] = [letters(9)[pick % 9]!, world.settledSides];
  if (kind === "start" && !world.has(id) && places.length > 0) world.start(id, places[pick % places.length]!);
  if (isShort) world.pass(STABLE_MS / 2);
  else world.settle();
}

/** The first run that ends with two sides up, in words; undefined when there is none. */
function sequenceWithTwoSidesUp(rules: Partial<PartitionRules>, numRuns: number, seed = 1): string | undefined {
  const nodes = fc.integer({ min: 2, max: 7 });
  const strategies = nodes.chain((count) => fc.tuple(fc.constant(count), fc.constantFrom(...strategiesFor(count))));
  const { counterexample, errorInstance } = fc.check(
    fc.property(
      strategies,
      fc.constantFrom(...TELLS),
      fc.array(op, { maxLength: 10 }),
      fc.constantFrom(0, STABLE_MS / 4, 3 * STABLE_MS),
      ([count, strategy], tells, ops, marginMs) => {
        const world = clusterOf(strategy, count, rules, tells, marginMs);
        for (const each of ops) {
          happen(world, each);
          if (each.isShort) continue;
          if (world.sidesUp.length > 1) throw new Error(`two sides are up\n${world}`);
        }
      },
    ),
    { numRuns, seed },
  );
  return errorInstance === null ? undefined : `${errorInstance}\n${JSON.stringify(counterexample)}`;
}

describe("Partition", () => {
  test("step() leaves one side up at most, and all up again after healing, in every two-way split of up to 7 nodes", () => {
    expect(splitWithTwoSidesUp(7)).toBeUndefined();
  });

  test("step() leaves one side up at most in whatever sequence of splits, heals, crashes, starts and leaves", () => {
    expect(sequenceWithTwoSidesUp({}, RUNS)).toBeUndefined();
  });
});

/** Each breaks one rule; where nothing else is said, some sequence must end with two sides up. */
const BUGS: Readonly<Record<string, { rules: Partial<PartitionRules>; inSplits: boolean }>> = {
  "a tie is not decided": { rules: { hasMajority: (mine, all) => mine * 2 >= all }, inSplits: true },
  "a quorum needs one less": { rules: { hasQuorum: (mine, _, size) => mine >= size - 1 }, inSplits: true },
  "too many for the quorum are not noticed": { rules: { hasQuorum: (mine, _, size) => mine >= size }, inSplits: true },
  "an oldest that is alone yields to nobody": {
    rules: { keepsOldest: (holds, mine, others, alone) => holds || (alone && others === 1 && mine > 1) },
    inSplits: true,
  },
  "newcomers count as much as those agreed on": { rules: { asksOldAndNew: false }, inSplits: false },
  "those that were down vote": { rules: { waitsForHealing: false }, inSplits: false },
};

describe("Partition with a planted bug", () => {
  for (const [name, { inSplits, rules }] of Object.entries(BUGS)) {
    test(`is found out when ${name}`, () => {
      if (inSplits) expect(splitWithTwoSidesUp(5, rules)).toContain("up");
      else expect(sequenceWithTwoSidesUp(rules, 5_000)).toContain("two sides are up");
    });
  }
});

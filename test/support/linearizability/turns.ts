/**
 * Searches with one tactic after another before one of them may take all the time there is. A search that goes wrong early rarely recovers,
 * and one with other preferences rarely goes wrong at the same place: short turns find in moments what one long search may never find.
 * No tactic leaves anything out, so the first that has seen everything has the answer.
 */
import { seededRandom } from "../../../src/base/random.ts";
import type { Problem } from "./problem.ts";
import { type Found, PLAIN, search, type Tactic } from "./search.ts";

/** A search that goes straight to an order of 1,500 operations remembers at most that many configurations. */
const TURN_CONFIGURATIONS = 3_000;

/** How far priorities are shaken, in ranks: an operation among 50 concurrent ones lasts about a hundred. */
const SHAKES = [10, 20, 10, 40, 10, 80];

/** In rounds of `SHAKES`, each with three tactics. */
const ROUNDS = 2;

export function searchInTurns(problem: Problem, guesses: readonly Problem[], configurationsMax: number): Found {
  const limit = Math.min(configurationsMax, TURN_CONFIGURATIONS);
  for (const tactic of tactics(problem.priority)) {
    for (const guess of tactic.priority ? [] : guesses) {
      const found = search(guess, limit, tactic);
      if (found.outcome === "found") return found;
    }
    const found = search(problem, limit, tactic);
    if (found.outcome !== "stopped") return found;
  }
  return search(problem, configurationsMax);
}

function* tactics(priority: Float64Array): Generator<Tactic> {
  const kinds: readonly Tactic[] = [
    PLAIN,
    { looksFirst: true, servesNext: false },
    { looksFirst: false, servesNext: true },
  ];
  yield* kinds;
  const random = seededRandom(1);
  for (let round = 0; round < ROUNDS; round++) {
    for (const ranks of SHAKES) {
      for (const kind of kinds)
        yield { ...kind, priority: priority.map((each) => each + (random.next() - 0.5) * ranks) };
    }
  }
}

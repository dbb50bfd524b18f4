/** Scenarios and how they are run. */
export { minimize } from "./minimize.ts";
export { parseRegressions, REGRESSIONS_FILE, type Regression } from "./regressions.ts";
export { type Failed, type Outcome, type RunOptions, runSeed } from "./run-seed.ts";
export {
  type AnyScenario,
  type Cast,
  defineScenario,
  type Scenario,
  type Setup,
  type Stage,
  Violation,
} from "./scenario.ts";
export { findBug, firstFailing, SEARCH_SEEDS_MAX } from "./search.ts";

/** Health checks: when to check, and what the answers mean. */
export {
  HealthChecker,
  type HealthCounts,
  type HealthEffect,
  type HealthInput,
  type HealthState,
} from "./health-checker.ts";
export { type HealthOptions, type OptionFault, validateHealth } from "./options.ts";

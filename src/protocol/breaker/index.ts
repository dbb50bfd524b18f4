/** The circuit breaker: who may be called now. */
export {
  Breaker,
  type BreakerCounts,
  type BreakerDecision,
  type BreakerEffect,
  type BreakerInput,
  type BreakerState,
} from "./breaker.ts";
export { type BreakerOptions, type OptionFault, type RateOptions, validateBreaker } from "./options.ts";

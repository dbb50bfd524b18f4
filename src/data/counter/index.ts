/** Counters: whole numbers by name, changed by every node alike. */
export { COUNTERS_MAX, Counters, type CounterView } from "./counters.ts";

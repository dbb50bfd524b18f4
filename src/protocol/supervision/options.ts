/** How a supervisor treats its children as a family: OTP's supervisor flags, the delays between restarts, and what to do by error class. */

/**
 * Whom a restart takes along. one_for_one: nobody. one_for_all: all. rest_for_one: those started after it.
 * simple_one_for_one: nobody; the children are instances of one template, started one by one on request.
 */
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one" | "simple_one_for_one";

/** Whether the end of significant children, by themselves and for good, ends the supervisor: of any, or of the last one. */
export type AutoShutdown = "never" | "any_significant" | "all_significant";

/** restart: as the child's spec says. stop: leave the child ended. escalate: give up, and let the parent decide. */
export type FailureDecision = "restart" | "stop" | "escalate";

/** For failures whose code is `match` or lies below it (`plugin.init` matches `plugin.init.timeout`); `*` for all. */
export interface FailureRule {
  readonly match: string;
  readonly decision: FailureDecision;
}

export interface SupervisorOptions {
  /** Default: one_for_one. */
  readonly strategy?: Strategy;
  /** OTP's intensity: more restarts than this within any period, and the supervisor gives up. */
  readonly maxRestarts: number;
  readonly restartPeriodMs: number;
  /** Delay before the restart after this many failures in a row (from 1). Default: none. */
  readonly restartDelayMs?: (failures: number) => number;
  /** A child that ran this long is well: its next failure is a first one. Default: the restart period. */
  readonly stableAfterMs?: number;
  /** one_by_one: the next child is started when the one before says so (OTP). together: all at once. */
  readonly startup?: "one_by_one" | "together";
  /** Default: never. */
  readonly autoShutdown?: AutoShutdown;
  /** The first rule that matches a failure decides. Where none does: a refusal escalates, a crash is restarted. */
  readonly onFailure?: readonly FailureRule[];
}

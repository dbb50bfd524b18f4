/**
 * What becomes of a child that has ended by itself: a function of its spec, its reason and the supervisor's rules, which
 * are data. The restart intensity is not asked here: it comes after the wish to restart.
 */
import type { CompleteSpec, ExitReason } from "./child-spec.ts";
import type { FailureDecision, FailureRule } from "./options.ts";

export function decideOnExit(
  spec: CompleteSpec,
  reason: ExitReason,
  rules: readonly FailureRule[] = [],
): FailureDecision {
  const decision = isFailure(reason) ? decisionFor(reason, rules) : "restart";
  return decision === "restart" && !wantsRestart(spec, reason) ? "stop" : decision;
}

function decisionFor(reason: ExitReason, rules: readonly FailureRule[]): FailureDecision {
  const rule = rules.find(({ match }) => matches(match, reason.code));
  return rule?.decision ?? (reason.kind === "refused" ? "escalate" : "restart");
}

/** A code matches itself, what it begins with up to a dot, and everything. */
export function matches(match: string, code: string | undefined): boolean {
  if (match === "*") return true;
  return code !== undefined && (code === match || code.startsWith(`${match}.`));
}

function isFailure({ kind }: ExitReason): boolean {
  return kind === "crash" || kind === "refused";
}

function wantsRestart({ restart }: CompleteSpec, reason: ExitReason): boolean {
  return restart === "permanent" || (restart === "transient" && isFailure(reason));
}

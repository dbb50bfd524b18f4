/** What a supervisor's parent is told when it has stopped: the exit reason of a supervisor as a child. */
import type { CompleteSpec, ExitReason } from "./child-spec.ts";
import type { SupervisorOptions } from "./options.ts";

export const SHUTDOWN: ExitReason = { kind: "normal", detail: "shutdown" };
export const KILLED: ExitReason = { kind: "crash", detail: "killed", code: "supervision.killed" };

/** The parent may try it all again. */
export function exhaustionOf({ id }: CompleteSpec, reason: ExitReason, options: SupervisorOptions): ExitReason {
  const used = `${options.maxRestarts} restarts within ${options.restartPeriodMs} ms are used up`;
  return { kind: "crash", detail: `${id} ended (${reason.detail}) and ${used}`, code: "supervision.intensity" };
}

/** A refusal stays one on its way up: trying all of it again would only hide it. */
export function escalationOf({ id }: CompleteSpec, { kind, detail, code }: ExitReason): ExitReason {
  if (kind === "refused")
    return { kind, detail: `${id} refused to run: ${detail}`, code: code ?? "supervision.refused" };
  return { kind, detail: `${id} ended (${detail}), which is to be escalated`, code: code ?? "supervision.escalated" };
}

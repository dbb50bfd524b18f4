/** Supervision decisions: child specs in, effects out. */
export type { ChildSpec, ExitReason, Restart, Shutdown } from "./child-spec.ts";
export {
  Supervisor,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorOptions,
  type SupervisorPhase,
} from "./supervisor.ts";

/** Supervision decisions: child specs in, effects out. */
export type { ChildSpec, ChildType, CompleteSpec, ExitReason, Restart, Shutdown } from "./child-spec.ts";
export type {
  ChildCounts,
  ChildInfo,
  ChildRequest,
  ChildStateName,
  ReplyResult,
  SupervisorEffect,
  SupervisorInput,
  SupervisorPhase,
} from "./messages.ts";
export type { AutoShutdown, FailureDecision, FailureRule, Strategy, SupervisorOptions } from "./options.ts";
export { Supervisor } from "./supervisor.ts";
export { type SpecFault, validateChild, validateSupervisor } from "./validate.ts";

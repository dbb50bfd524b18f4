/** What goes into the machine and what comes out: plain data, the whole of its contract with the outside. */
import type { ChildSpec, ChildType, ExitReason } from "./child-spec.ts";

/** Answered by one `reply` with the same number, now or later. */
export type ChildRequest =
  /** A spec, added behind the others; under simple_one_for_one the id of one more instance of the template. */
  | { readonly type: "start_child"; readonly request: number; readonly child: ChildSpec | string }
  | { readonly type: "terminate_child"; readonly request: number; readonly id: string }
  | { readonly type: "restart_child"; readonly request: number; readonly id: string }
  | { readonly type: "delete_child"; readonly request: number; readonly id: string };

export type SupervisorInput =
  | { readonly type: "start" }
  | { readonly type: "started"; readonly id: string; readonly incarnation: number }
  | { readonly type: "exited"; readonly id: string; readonly incarnation: number; readonly reason: ExitReason }
  | ChildRequest
  /** Stop in order. */
  | { readonly type: "stop" }
  /** Kill everything at once, in whatever phase. */
  | { readonly type: "abort" }
  | { readonly type: "tick" };

/**
 * OTP's answers. ok: it has happened (started, really gone, deleted). already_started: a child of that id runs.
 * already_present: its spec is there, it does not run. running, restarting: so it cannot be restarted or deleted.
 * simple_one_for_one: its children cannot be restarted or deleted on request. start_failed: it ended before it had
 * started, and is not tried again. invalid_spec: see the detail. not_running: the supervisor does not run, or stops.
 */
export type ReplyResult =
  | "ok"
  | "already_started"
  | "already_present"
  | "not_found"
  | "running"
  | "restarting"
  | "simple_one_for_one"
  | "start_failed"
  | "invalid_spec"
  | "not_running";

export type SupervisorEffect =
  | { readonly type: "spawn"; readonly id: string; readonly incarnation: number }
  /** shutdown: ask it to end. kill: end it. */
  | { readonly type: "terminate"; readonly id: string; readonly incarnation: number; readonly how: "shutdown" | "kill" }
  /** Every child has been started once (or has come to its end). Once. */
  | { readonly type: "ready" }
  | {
      readonly type: "reply";
      readonly request: number;
      readonly id: string;
      readonly result: ReplyResult;
      readonly detail?: string;
    }
  /** The supervisor gives up and stops its children. At most once. */
  | { readonly type: "escalate"; readonly id: string; readonly reason: string }
  /** A significant child has ended, and the supervisor with it: it stops its children. At most once, never with `escalate`. */
  | { readonly type: "auto_shutdown"; readonly id: string }
  /** Nothing runs any more. The last effect. */
  | { readonly type: "stopped" };

export type SupervisorPhase = "idle" | "starting" | "running" | "stopping" | "stopped";

/**
 * waiting: its turn to start, or to start again with others, has not come. starting: spawned, not serving yet. restarting:
 * it failed, and waits for its restart.
 * gone: does not run, and will not unless somebody asks or a group is restarted.
 */
export type ChildStateName = "waiting" | "starting" | "running" | "restarting" | "stopping" | "gone";

export interface ChildInfo {
  readonly id: string;
  readonly type: ChildType;
  readonly state: ChildStateName;
  readonly incarnation: number;
  /** Times it was started again. */
  readonly restarts: number;
}

export interface ChildCounts {
  /** Specs known, running or not; one under simple_one_for_one. */
  readonly specs: number;
  /** Children that run. */
  readonly active: number;
  /** Children of this type, running or not. */
  readonly supervisors: number;
  readonly workers: number;
}

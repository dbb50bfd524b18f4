/** What a failed try says: whether the command was done, and whether asking another node can help. */
import { Failure } from "../../base/errors.ts";

export type Judgement =
  /** It was answered: trying again changes nothing. */
  | "final"
  /** Not done, and somebody else may do it. */
  | "not_done"
  /** This node will never do it; another one may. */
  | "wrong_node"
  /** It may have been done: only what bears a mark may be asked again. */
  | "uncertain"
  /** Answered with a refusal that passes: to be asked again as a new command. */
  | "busy";

const NOT_DONE: ReadonlySet<string> = new Set([
  "consensus.no_group", // it is only just starting: of a group that is not there at all the services say so
  "consensus.no_leader",
  "consensus.not_leader",
  "consensus.overloaded",
  "data.future_revision", // of a read: this node does not have it yet
  "data.no_node",
  "link.overloaded",
  "link.refused",
  "link.unreachable",
  "node.starting",
  "node.unknown_alias",
  "rpc.busy",
]);

const WRONG_NODE: ReadonlySet<string> = new Set([
  "consensus.not_member",
  "rpc.forbidden",
  "rpc.unauthenticated",
  "rpc.unknown_contract",
  "rpc.unknown_method",
  "rpc.wrong_version",
  "data.unknown_group",
]);

const UNCERTAIN: ReadonlySet<string> = new Set([
  "consensus.unknown_outcome",
  "data.distributed.undecided",
  "link.cancelled",
  "link.closed",
  "link.deadline_exceeded",
  "link.silent",
  "link.superseded",
  "link.timeout",
  "rpc.cancelled",
  "rpc.deadline_exceeded",
  "rpc.unreachable",
]);

/** Keys that a prepared transaction holds: for a moment. */
const BUSY: ReadonlySet<string> = new Set(["data.locked"]);

export function judge(failure: Failure): Judgement {
  const { code } = failure;
  if (NOT_DONE.has(code) || wasNeverSent(failure)) return "not_done";
  if (WRONG_NODE.has(code)) return "wrong_node";
  if (UNCERTAIN.has(code)) return "uncertain";
  if (BUSY.has(code)) return "busy";
  return failure.retryable && !code.startsWith("data.") && !code.startsWith("lock.") ? "uncertain" : "final";
}

/** What fetch says when there was no connection: nothing can have been done. */
const NO_CONNECTION: ReadonlySet<string> = new Set([
  "ConnectionRefused",
  "ECONNREFUSED",
  "ENOENT",
  "FailedToOpenSocket",
]);

function wasNeverSent({ code, cause }: Failure): boolean {
  if (code !== "rpc.unreachable" || typeof cause !== "object" || cause === null) return false;
  return "code" in cause && typeof cause.code === "string" && NO_CONNECTION.has(cause.code);
}

/** Why nothing came of it in time. */
export function lateFailure(
  title: string,
  timeoutMs: number,
  { isUncertain, last }: { readonly isUncertain: boolean; readonly last: Failure | undefined },
): Failure {
  const why = last ? `: ${last.message}` : "";
  const span = `${Math.round(timeoutMs)} ms`;
  if (isUncertain) {
    const message = `${title}: no answer within ${span}, and it may have been done${why}`;
    return new Failure("data.unknown_outcome", message, { cause: last });
  }
  const code = last?.code ?? "rpc.deadline_exceeded";
  return new Failure(code, `${title}: not done within ${span}${why}`, { retryable: true, cause: last });
}

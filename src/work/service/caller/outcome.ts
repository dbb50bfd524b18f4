/**
 * What a failure of one attempt means: whether the method may have begun, whether the place is to blame, and whether asking again can
 * help. Codes of links are told apart from those of services here and nowhere else. That nothing has begun is believed where this node
 * knows it itself, or where `data.begun` is false: the code alone would not do, as a method may pass on what another call told it.
 * Therefore `begun` never leaves the caller: see `tellable`.
 */
import { Failure, toFailure } from "../../../base/errors.ts";

export interface Outcome {
  readonly failure: Failure;
  /** False when nothing was begun for certain. */
  readonly begun: boolean;
  /** It never left this node: asking elsewhere multiplies nothing. */
  readonly isUnsent: boolean;
  /** For breakers: `failed` blames the place, `cancelled` says nothing about it, `succeeded`: it has answered. */
  readonly verdict: "failed" | "cancelled" | "succeeded";
  /** The framework failed, not the method: another attempt, or a fallback, makes sense. */
  readonly isOfFramework: boolean;
}

/** Refusals before a request is carried out; everything else of a link may have come after it had begun. */
const UNSENT = new Set(["link.overloaded", "link.unknown_topic", "link.unreachable", "link.refused"]);
/** What was asked is at fault, not whoever was asked. */
const UNSENDABLE = new Set(["link.unencodable", "link.too_large", "link.undecodable", "link.invalid"]);

export function judge(thrown: unknown, what: string, node: string, isFairDeadline: boolean): Outcome {
  const failure = toFailure(thrown, "service.failed");
  const { code, data } = failure;
  if (code.startsWith("link.")) return judgeLink(failure, what, node, isFairDeadline);
  const begun = data?.begun !== false;
  switch (code) {
    case "service.unavailable":
    case "service.exited":
      return { failure, begun, isUnsent: false, verdict: "failed", isOfFramework: true };
    case "service.overloaded":
      return { failure, begun, isUnsent: false, verdict: "cancelled", isOfFramework: true };
    case "service.not_found":
      return { failure, begun, isUnsent: false, verdict: "cancelled", isOfFramework: !begun };
    case "rpc.deadline_exceeded":
      return { failure, begun, isUnsent: false, verdict: verdictOfLate(failure, isFairDeadline), isOfFramework: true };
    case "rpc.cancelled":
      return { failure, begun, isUnsent: false, verdict: "cancelled", isOfFramework: false };
    case "service.failed": // the method threw what it did not mean to
      return { failure, begun, isUnsent: false, verdict: "failed", isOfFramework: false };
    default:
      return { failure, begun, isUnsent: false, verdict: "succeeded", isOfFramework: false };
  }
}

function judgeLink(link: Failure, what: string, node: string, isFairDeadline: boolean): Outcome {
  const { code, message } = link;
  const options = { cause: link };
  if (code === "link.deadline_exceeded") {
    const failure = new Failure("rpc.deadline_exceeded", `${what} was not answered by node ${node} in time`, {
      ...options,
      retryable: true,
    });
    return {
      failure,
      begun: true,
      isUnsent: false,
      verdict: isFairDeadline ? "failed" : "cancelled",
      isOfFramework: true,
    };
  }
  if (code === "link.cancelled") {
    const failure = new Failure("rpc.cancelled", `${what} was cancelled by its caller`, options);
    return { failure, begun: true, isUnsent: false, verdict: "cancelled", isOfFramework: false };
  }
  if (UNSENDABLE.has(code)) {
    const failure = new Failure("rpc.invalid_input", `${what} cannot be sent to node ${node}: ${message}`, options);
    return { failure, begun: false, isUnsent: false, verdict: "cancelled", isOfFramework: false };
  }
  if (UNSENT.has(code)) return { ...unsent(what, node, message), verdict: verdictOfUnsent(code) };
  const failure = new Failure("service.exited", `${what} was under way at node ${node}: ${message}`, {
    ...options,
    retryable: true,
  });
  return { failure, begun: true, isUnsent: false, verdict: "failed", isOfFramework: true };
}

/** Nothing was said to that node. */
export function unsent(what: string, node: string, why: string): Outcome {
  const failure = new Failure("service.unavailable", `${what} was not begun at node ${node}: ${why}`, {
    retryable: true,
  });
  return { failure, begun: false, isUnsent: true, verdict: "failed", isOfFramework: true };
}

/** As it leaves the caller: a service that passes it on must not seem not to have begun itself. */
export function tellable(failure: Failure): Failure {
  if (failure.data?.begun === undefined) return failure;
  const { begun: _, ...data } = failure.data;
  const { cause, code, message, retryable } = failure;
  return new Failure(code, message, { retryable, cause, ...(Object.keys(data).length > 0 && { data }) });
}

/** With a cause it was the method that has said so: somebody whom it asked was late. */
function verdictOfLate({ data }: Failure, isFairDeadline: boolean): Outcome["verdict"] {
  return isFairDeadline && data?.cause === undefined ? "failed" : "cancelled";
}

/** A full link says nothing about the service behind it. */
function verdictOfUnsent(code: string): Outcome["verdict"] {
  return code === "link.overloaded" ? "cancelled" : "failed";
}

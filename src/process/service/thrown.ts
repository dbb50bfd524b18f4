/** What user code has thrown, as its caller hears of it: no stack, but the service's own line, for its author. */
import { Failure, messageOf } from "../../base/errors.ts";

/**
 * Codes by which nodes decide whether a call may be asked again. From a handler they speak of somebody else's process: passed on
 * as they are, they would say that this call has not begun.
 */
const OF_PROCESSES: ReadonlySet<string> = new Set(["service.unavailable", "service.exited", "service.overloaded"]);

export function describeThrown(thrown: unknown, code: string): Failure {
  if (thrown instanceof Failure) return OF_PROCESSES.has(thrown.code) ? ofAnother(thrown) : thrown;
  const place = thrown instanceof Error ? placeOf(thrown) : undefined;
  const name = thrown instanceof Error && thrown.name !== "Error" ? `${thrown.name}: ` : "";
  return new Failure(code, `${name}${messageOf(thrown)}${place ? ` (at ${place})` : ""}`, { cause: thrown });
}

function ofAnother({ code, data, message, retryable }: Failure): Failure {
  return new Failure("service.dependency_failed", message, { retryable, data: { cause: { code, data } } });
}

/** The first line of a file in the stack: of the service, when it was its code that has thrown. */
function placeOf(error: Error): string | undefined {
  return /\(?((?:\/|[A-Za-z]:)[^\s()]+:\d+:\d+)\)?/.exec(error.stack ?? "")?.[1];
}

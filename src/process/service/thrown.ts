/** What user code has thrown, as its caller hears of it: no stack, but the service's own line, for its author. */
import { Failure, messageOf } from "../../base/errors.ts";

/**
 * Codes by which nodes decide whether a call may be asked again, and whether an answer that there is none may be kept. From a handler they
 * speak of somebody else's process: passed on as they are, they would say that this call has not begun, or that what it looked for is not there.
 */
const OF_PROCESSES: ReadonlySet<string> = new Set([
  "service.unavailable",
  "service.exited",
  "service.overloaded",
  "service.not_found",
]);

export function describeThrown(thrown: unknown, code: string): Failure {
  if (thrown instanceof Failure) return passedOn(thrown);
  const place = placeOf(thrown);
  const name = thrown instanceof Error && thrown.name !== "Error" ? `${thrown.name}: ` : "";
  return new Failure(code, `${name}${messageOf(thrown)}${place ? ` (at ${place})` : ""}`, { cause: thrown });
}

/** Whatever it says: the handler that throws it has begun. */
function passedOn(failure: Failure): Failure {
  const { code, data, message, retryable } = failure;
  if (OF_PROCESSES.has(code))
    return new Failure("service.dependency_failed", message, { retryable, data: { cause: { code, data } } });
  if (code === "rpc.deadline_exceeded")
    return new Failure(code, message, { retryable, data: { cause: { code, data } } });
  if (data?.begun === undefined) return failure;
  const { begun: _, ...rest } = data;
  return new Failure(code, message, { retryable, data: rest, cause: failure });
}

/** Where the code is that has thrown: of a module that does not compile its own line, else the first file in the stack. */
export function placeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { position } = thrown as { readonly position?: { file?: unknown; line?: unknown; column?: unknown } | null }; // the runtime's, on what does not compile
  if (position) return `${position.file}:${position.line}:${position.column}`;
  return /^\s*at (?:.*\(|async )?((?:\/|[A-Za-z]:[\\/]).*:\d+:\d+)\)?$/m.exec(thrown.stack ?? "")?.[1];
}

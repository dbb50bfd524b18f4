/** Failures of calls between a node and a host, and how they cross. */
import { Failure, type FailureJson, messageOf } from "../../base/errors.ts";

export function deadlineExceeded(what: string, timeoutMs: number): Failure {
  return new Failure("rpc.deadline_exceeded", `${what} was not answered within ${Math.round(timeoutMs)} ms`);
}

export function cancelled(what: string): Failure {
  return new Failure("rpc.cancelled", `${what} was cancelled by its caller`);
}

export function unavailable(what: string, why: string): Failure {
  return new Failure("service.unavailable", `${what} was not begun: ${why}`, {
    retryable: true,
    data: { begun: false },
  });
}

export function overloaded(what: string, why: string): Failure {
  return new Failure("service.overloaded", `${what} was not begun: ${why}`, {
    retryable: true,
    data: { begun: false },
  });
}

export function exited(what: string, reason: string): Failure {
  return new Failure("service.exited", `${what} was under way when its process ${reason}`, {
    retryable: true,
    data: { begun: true },
  });
}

export function tooLarge(what: string, bytesMax: number): Failure {
  return new Failure("rpc.too_large", `${what} is larger than ${bytesMax} bytes, the most that is taken`);
}

/** As text for the other process; data that JSON can not say is left out rather than the failure. */
export function failureText(failure: Failure): string {
  try {
    return JSON.stringify(failure.toJSON());
  } catch (thrown) {
    const message = `${failure.message} (its data is left out: ${messageOf(thrown)})`;
    return JSON.stringify({ code: failure.code, message, retryable: failure.retryable });
  }
}

/** The failure that the other process wrote, or undefined when it is none. */
export function readFailure(text: string): Failure | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { code, data, message, retryable } = value as Partial<Record<keyof FailureJson, unknown>>;
  if (typeof code !== "string" || typeof message !== "string" || typeof retryable !== "boolean") return undefined;
  const isRecord = typeof data === "object" && data !== null && !Array.isArray(data);
  return new Failure(code, message, { retryable, ...(isRecord && { data: data as Record<string, unknown> }) });
}

/** Failures of links, one maker for each code, and failures of the other side as they cross. */
import { Failure, type FailureJson, toFailure } from "../../base/errors.ts";
import { ERROR_CODE_CHARS_MAX, ERROR_MESSAGE_CHARS_MAX } from "./limits.ts";

export function closedFailure(peer: string, why: string): Failure {
  return new Failure("link.closed", `the link to ${peer} is closed: ${why}`, { retryable: true });
}

export function overloaded(what: string): Failure {
  return new Failure("link.overloaded", what, { retryable: true });
}

/** As it travels: plain data, bounded, whatever was thrown. Data that cannot be encoded is left out by whoever encodes. */
export function errorOnWire(thrown: unknown): FailureJson {
  try {
    const { code, message, data, retryable } = toFailure(thrown, "link.defect");
    const told = {
      code: String(code).slice(0, ERROR_CODE_CHARS_MAX),
      message: bounded(String(message)),
      retryable: retryable === true,
    };
    return data === undefined ? told : { ...told, data };
  } catch {
    return { code: "link.defect", message: "what was thrown cannot be told", retryable: false };
  }
}

function bounded(message: string): string {
  return message.length > ERROR_MESSAGE_CHARS_MAX ? `${message.slice(0, ERROR_MESSAGE_CHARS_MAX)}…` : message;
}

/** The failure that the other side sent, or undefined when it is none. */
export function errorFromWire(value: unknown): Failure | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { code, message, data, retryable } = value as Partial<Record<keyof FailureJson, unknown>>;
  if (typeof code !== "string" || typeof message !== "string" || typeof retryable !== "boolean") return undefined;
  const isRecord = typeof data === "object" && data !== null && !Array.isArray(data);
  return Failure.fromJSON({ code, message, retryable, ...(isRecord && { data: data as Record<string, unknown> }) });
}

/**
 * What a client gets to hear when a service fails. What a method says by codes of its own is for whoever asks, and passes on as it is;
 * what the program says around it (which node, which version, how a process ended) is for the log, and becomes the gateway's own words.
 */
import { Failure } from "../../../base/errors.ts";

/** Codes of the program itself; no method's own. */
const PROGRAM = /^(service|rpc|link|plugin|gateway)\./;
/** A provider that comes or comes back is there within seconds. */
const RETRY_AFTER_MS = 1_000;

/** Nobody is there, now: there may be in a moment. */
const UNAVAILABLE: ReadonlySet<string> = new Set([
  "service.unavailable",
  "service.not_found",
  "service.changed",
  "link.unreachable",
  "link.refused",
  "link.closed",
  "link.unknown_topic",
]);
const BUSY: ReadonlySet<string> = new Set(["service.overloaded", "rpc.busy", "link.overloaded"]);
/** The core has words for these, which tell nothing. */
const WORDED: ReadonlySet<string> = new Set([
  "rpc.deadline_exceeded",
  "rpc.forbidden",
  "rpc.unauthenticated",
  "service.rate_limited",
]);

/** Either what the client reads as it stands, or what becomes the core's own words. */
export type ServiceFailure =
  | { readonly kind: "problem"; readonly failure: Failure }
  | { readonly kind: "failure"; readonly failure: Failure };

export function serviceFailure(failure: Failure): ServiceFailure {
  const { code } = failure;
  if (!PROGRAM.test(code)) return { kind: "problem", failure };
  if (code === "rpc.invalid_input") return { kind: "problem", failure: inputFailure(failure) };
  if (WORDED.has(code)) return { kind: "failure", failure };
  if (UNAVAILABLE.has(code)) return { kind: "failure", failure: again("gateway.service_unavailable", failure) };
  if (BUSY.has(code)) return { kind: "failure", failure: again("gateway.service_busy", failure) };
  return { kind: "failure", failure: new Failure("gateway.service_failed", whole(failure), { cause: failure }) };
}

/** For an item of a stream, whose head has gone out: without what is for the log. */
export function streamFailure(failure: Failure): Failure {
  const told = serviceFailure(failure);
  if (told.kind === "problem") return told.failure;
  const { code, retryable } = told.failure;
  return new Failure(code, "the service failed in the middle of its stream", { retryable });
}

/** Which fields, and what is wrong with them. */
function inputFailure({ code, data }: Failure): Failure {
  const faults = Array.isArray(data?.faults) ? data.faults.filter(isFault) : [];
  const told = faults.map(({ message, path }) => (path === "" ? message : `${path}: ${message}`));
  const message = told.length === 0 ? "the input is wrong" : `the input is wrong: ${told.join("; ")}`;
  return new Failure(code, message, { ...(faults.length > 0 && { data: { faults } }) });
}

function isFault(value: unknown): value is { readonly path: string; readonly message: string } {
  const { message, path } = (value ?? {}) as { message?: unknown; path?: unknown };
  return typeof message === "string" && typeof path === "string";
}

function again(code: string, failure: Failure): Failure {
  const { retryAfterMs = RETRY_AFTER_MS } = failure.data ?? {};
  return new Failure(code, whole(failure), { retryable: true, data: { retryAfterMs }, cause: failure });
}

/** For the log. */
function whole({ code, message }: Failure): string {
  return `${code}: ${message}`;
}

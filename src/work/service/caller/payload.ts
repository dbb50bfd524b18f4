/**
 * A call as it crosses a link: fields by position, params as the bytes that they came as. The deadline of a call travels with the link's
 * request, that of a stream as a field; the trace context with either.
 */
import { Failure, textOf } from "../../../base/errors.ts";
import type { ServiceCaller } from "../../../process/service/index.ts";
import type { Invocation } from "../words/index.ts";
import { CALLER_CHARS_MAX, NAME_CHARS_MAX, SCOPES_MAX, TIMEOUT_MS_MAX } from "./limits.ts";

export const CALL_TOPIC = "service/call";
export const STREAM_TOPIC = "service/stream";

const KINDS = ["outside", "service", "node"] as const satisfies readonly ServiceCaller["kind"][];
const ACCESSES = ["none", "read", "operate", "admin", "node"] as const satisfies readonly ServiceCaller["access"][];

/** `isWatched`: the caller may give up before the deadline, and then the method is to hear of it. */
export function writeCall(invocation: Invocation, isWatched: boolean): readonly unknown[] {
  const { caller, method, params, service, timeoutMs, version } = invocation;
  const { access, kind, name, scopes } = caller;
  return [service, version, method, params, timeoutMs, isWatched, kind, name, access, scopes];
}

export interface ReadCall extends Invocation {
  readonly isWatched: boolean;
}

/** Fails with `service.bad_request`. A node that asks for itself is who its link says; whom else it asks for, it is believed. */
export function readCall(payload: unknown, peer: string, traceparent: string | undefined): ReadCall {
  if (!Array.isArray(payload)) throw bad(peer, "it is no array");
  const [service, version, method, params, timeoutMs, isWatched, kind, name, access, scopes] =
    payload as readonly unknown[];
  if (!isText(service, NAME_CHARS_MAX) || !isText(version, NAME_CHARS_MAX) || !isText(method, NAME_CHARS_MAX))
    throw bad(peer, "it names no service, version and method");
  if (!(params instanceof Uint8Array)) throw bad(peer, "its params are no bytes");
  if (typeof timeoutMs !== "number" || !(timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX))
    throw bad(peer, `its time is ${textOf(timeoutMs)}`);
  const isKnown = KINDS.includes(kind as ServiceCaller["kind"]) && ACCESSES.includes(access as ServiceCaller["access"]);
  if (!isKnown || !isText(name, CALLER_CHARS_MAX) || !areScopes(scopes)) throw bad(peer, "it does not say who calls");
  const caller = { kind, access, scopes, name: kind === "node" ? peer : name } as ServiceCaller; // looked at above
  return { service, version, method, params, timeoutMs, caller, traceparent, isWatched: isWatched === true };
}

function isText(value: unknown, charsMax: number): value is string {
  return typeof value === "string" && value.length <= charsMax;
}

function areScopes(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= SCOPES_MAX && value.every((scope) => isText(scope, CALLER_CHARS_MAX));
}

function bad(peer: string, why: string): Failure {
  return new Failure("service.bad_request", `a call from node ${peer} is not taken: ${why}`);
}

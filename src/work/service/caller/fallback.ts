/**
 * What a caller gets when a method cannot be asked: a value, or the answer of another method given the same params. The method itself
 * would have looked who calls; for a value nobody has, so it is looked at here.
 */
import type { MethodDescription, ServiceCaller } from "../../../process/service/index.ts";
import { mayCall } from "../../../wire/rpc/index.ts";
import { type DoorCall, hasScope } from "../words/index.ts";
import type { Outcome } from "./outcome.ts";

export type FallbackStep = { readonly bytes: Uint8Array } | { readonly call: DoorCall };

/** Undefined where there is none for this caller, or none that can be in time. */
export function fallbackOf(
  call: DoorCall,
  service: string,
  description: MethodDescription,
  leftMs: number,
): FallbackStep | undefined {
  const { fallback } = description;
  if (!fallback) return undefined;
  if ("method" in fallback) {
    const at = fallback.method.lastIndexOf(".");
    const [named, method] = [fallback.method.slice(0, Math.max(0, at)), fallback.method.slice(at + 1)];
    if (leftMs <= 0) return undefined;
    // The other method says for itself whether it is idempotent.
    return { call: { ...call, service: named || call.service, method, timeoutMs: leftMs, isIdempotent: undefined } };
  }
  if (!mayHear(call.caller, service, call.method, description)) return undefined;
  return { bytes: new TextEncoder().encode(JSON.stringify(fallback.value) ?? "null") };
}

/** Only what failed around the method: what it said itself stands. */
export function deservesFallback({ isOfFramework }: Outcome): boolean {
  return isOfFramework;
}

function mayHear(
  caller: ServiceCaller,
  service: string,
  method: string,
  { access, isPublic }: MethodDescription,
): boolean {
  if (caller.kind !== "outside") return true;
  if (!isPublic) return false;
  return mayCall(caller, access) || hasScope(caller, service, method);
}

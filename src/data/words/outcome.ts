/**
 * Making outcomes. Every method of a structure that carries out a command returns an `Outcome`: `done(reply)` or `refused(code, …)`;
 * it throws for nothing that a client can send. Only reads throw, a `Failure`: they are no part of the replicated state.
 */
import { Failure } from "../../base/errors.ts";
import type { Outcome } from "./replies.ts";

export type Done<Reply> = { readonly ok: true; readonly reply: Reply };
export type Refused = Extract<Outcome, { readonly ok: false }>;
/** The same with the reply's type. */
export type Answer<Reply> = Done<Reply> | Refused;

export function done<Reply>(reply: Reply): Done<Reply> {
  return { ok: true, reply };
}

/** `isRetryable`: the same command may go through later, as a new one (its outcome is kept under its sequence). */
export function refused(code: string, message: string, isRetryable = false): Refused {
  return { ok: false, code, message, retryable: isRetryable };
}

export function failureOf(refusal: Refused): Failure {
  return new Failure(refusal.code, refusal.message, { retryable: refusal.retryable });
}

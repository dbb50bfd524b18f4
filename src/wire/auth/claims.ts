/**
 * What a token says, and whether it may be believed here and now. The signature has been verified before; this is the part
 * without cryptography. Times are seconds since the epoch with a fraction, as JWT allows.
 */
import { Failure } from "../../base/errors.ts";
import { AUDIENCE_CHARS_MAX, SUBJECT_CHARS_MAX } from "./limits.ts";

export type Role = "node" | "client";
/** `operate` includes `read`, `admin` both. */
export type TokenAccess = (typeof ACCESSES)[number];

export interface Claims {
  /** Of the node or client that speaks (`sub`). */
  readonly id: string;
  /** To whom it is addressed: an id or `host:port` (`aud`). */
  readonly audience: string;
  readonly role: Role;
  readonly access: TokenAccess;
  readonly tokenId: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export interface Circumstances {
  readonly nowMs: number;
  /** When the verifier began, as its wall clock counts now: what was used before that, nobody remembers. */
  readonly notBeforeMs: number;
  readonly toleranceMs: number;
  readonly lifetimeMs: number;
  readonly audiences: readonly string[];
}

const ACCESSES = ["read", "operate", "admin"] as const;
const SUBJECT = /^[\x21-\x7e]+$/;
const TOKEN_ID = /^[\w-]{16,64}$/;
/** Seconds with a fraction lose some microseconds as doubles. */
const ROUNDING_MS = 1;

export function toPayload(claims: Claims): Uint8Array {
  const payload = {
    sub: claims.id,
    aud: claims.audience,
    role: claims.role,
    access: claims.access,
    jti: claims.tokenId,
    iat: claims.issuedAtMs / 1000,
    exp: claims.expiresAtMs / 1000,
  };
  return Buffer.from(JSON.stringify(payload));
}

/** Fails with `auth.token_malformed` when one is missing, of another type or beyond its bounds. */
export function fromPayload(bytes: Uint8Array): Claims {
  const payload = parseJson(bytes);
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) throw malformed("is no object");
  const { sub, aud, role, access, jti, iat, exp } = payload as Record<string, unknown>;
  if (!isSubject(sub))
    throw malformed(`has no usable "sub"; up to ${SUBJECT_CHARS_MAX} visible ASCII characters are required`);
  if (!isAudience(aud))
    throw malformed(`has no usable "aud"; one text of up to ${AUDIENCE_CHARS_MAX} characters is required`);
  if (role !== "node" && role !== "client") throw malformed('has no usable "role"; node or client is required');
  if (!isAccess(access)) throw malformed(`has no usable "access"; one of ${ACCESSES.join(", ")} is required`);
  if (typeof jti !== "string" || !TOKEN_ID.test(jti)) throw malformed('has no usable "jti"');
  if (!isSeconds(iat) || !isSeconds(exp) || exp <= iat) throw malformed('has no usable "iat" and "exp"');
  return { id: sub, audience: aud, role, access, tokenId: jti, issuedAtMs: iat * 1000, expiresAtMs: exp * 1000 };
}

function isAccess(value: unknown): value is TokenAccess {
  return ACCESSES.some((access) => access === value);
}

export function isSubject(value: unknown): value is string {
  return typeof value === "string" && value.length <= SUBJECT_CHARS_MAX && SUBJECT.test(value);
}

export function isAudience(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= AUDIENCE_CHARS_MAX;
}

/**
 * Fails with `auth.token_audience`, `auth.token_lifetime`, `auth.token_expired` or `auth.token_early`; the last two tell by
 * `data.aheadMs` how far the token's time is ahead of ours. Of a token just issued that is the difference of the clocks.
 */
export function requireValid(claims: Claims, circumstances: Circumstances): void {
  const { id, audience, issuedAtMs, expiresAtMs } = claims;
  const { nowMs, notBeforeMs, toleranceMs, lifetimeMs, audiences } = circumstances;
  if (!audiences.includes(audience)) {
    const message = `the token of ${id} is for ${JSON.stringify(audience)}; one for ${audiences.join(" or ")} is required`;
    throw new Failure("auth.token_audience", message);
  }
  if (expiresAtMs - issuedAtMs > lifetimeMs + ROUNDING_MS) {
    const message = `the token of ${id} lives ${seconds(expiresAtMs - issuedAtMs)}; at most ${seconds(lifetimeMs)} are allowed`;
    throw new Failure("auth.token_lifetime", message);
  }
  const untimely = { retryable: true, data: { aheadMs: Math.round(issuedAtMs - nowMs) } };
  if (nowMs > expiresAtMs + toleranceMs) {
    const message = `the token of ${id} expired ${seconds(nowMs - expiresAtMs)} ago; clocks may differ by ${seconds(toleranceMs)}`;
    throw new Failure("auth.token_expired", message, untimely);
  }
  if (nowMs < issuedAtMs - toleranceMs) {
    const message = `the token of ${id} is from ${seconds(issuedAtMs - nowMs)} in the future; clocks may differ by ${seconds(toleranceMs)}`;
    throw new Failure("auth.token_early", message, untimely);
  }
  if (issuedAtMs < notBeforeMs) {
    const message = `the token of ${id} was issued ${seconds(notBeforeMs - issuedAtMs)} too early: this process had not begun, and cannot know whether it was used; a new one is required`;
    throw new Failure("auth.token_early", message, untimely);
  }
}

export function malformed(what: string, cause?: unknown): Failure {
  return new Failure("auth.token_malformed", `the token ${what}`, { cause });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (thrown) {
    throw malformed("holds no JSON", thrown);
  }
}

function isSeconds(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 && value * 1000 <= Number.MAX_SAFE_INTEGER;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

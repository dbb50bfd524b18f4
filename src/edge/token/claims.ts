/**
 * What an API token says, and whether it may be believed here and now. The part without cryptography: the signature has been
 * verified before. Times are whole seconds since the epoch where we issue; others may use fractions.
 */
import { Failure } from "../../base/errors.ts";
import {
  AUDIENCES_MAX,
  LIFETIME_MS_MAX,
  NAME_CHARS_MAX,
  PARENTS_MAX,
  SCOPE_TEXT_CHARS_MAX,
  TOKEN_ID_CHARS_MAX,
} from "./limits.ts";
import { readScopes, SCOPE_FORM } from "./scopes.ts";

export const TOKEN_ROLES = ["viewer", "operator", "admin", "node", "service"] as const;
/** `service` may do what its scopes name and nothing else. */
export type TokenRole = (typeof TOKEN_ROLES)[number];

export interface ApiClaims {
  /** The node that issued it (`iss`). */
  readonly issuer: string;
  /** Who speaks (`sub`). */
  readonly subject: string;
  /** Of which cluster (`aud`). */
  readonly audiences: readonly string[];
  readonly role: TokenRole;
  readonly scopes: readonly string[];
  /** By which it is revoked (`jti`). */
  readonly tokenId: string;
  /** The tokens that it came from, by their ids: the one that gave it, the one that gave that, and so on. It ends with each of them. */
  readonly parents?: readonly string[] | undefined;
  readonly issuedAtMs: number;
  readonly notBeforeMs: number;
  readonly expiresAtMs: number;
}

const NAME = /^[\x21-\x7e]+$/;
const TOKEN_ID = /^[\w.:-]+$/;

export function toPayload(claims: ApiClaims): Uint8Array {
  const { audiences, expiresAtMs, issuedAtMs, issuer, notBeforeMs, parents, role, scopes, subject, tokenId } = claims;
  const payload = {
    iss: issuer,
    sub: subject,
    aud: audiences.length === 1 ? audiences[0] : audiences,
    iat: issuedAtMs / 1000,
    nbf: notBeforeMs / 1000,
    exp: expiresAtMs / 1000,
    jti: tokenId,
    role,
    ...(scopes.length > 0 && { scope: scopes.join(" ") }),
    ...(parents && { parents }),
  };
  return Buffer.from(JSON.stringify(payload));
}

/** Fails with `auth.token_malformed` when a claim is missing, of another type or beyond its bounds. */
export function fromPayload(bytes: Uint8Array): ApiClaims {
  const { iss, sub, aud, iat, nbf = iat, exp, jti, role, scope = "", parents } = objectOf(bytes);
  if (!isName(iss)) throw malformed(`has no usable "iss"; ${NAME_FORM} are required`);
  if (!isName(sub)) throw malformed(`has no usable "sub"; ${NAME_FORM} are required`);
  const audiences = typeof aud === "string" ? [aud] : aud;
  if (!isNames(audiences)) throw malformed('has no usable "aud"');
  if (!isTokenId(jti)) throw malformed('has no usable "jti"');
  if (!isRole(role)) throw malformed(`has no usable "role"; one of ${TOKEN_ROLES.join(", ")} is required`);
  if (!isParents(parents)) throw malformed(`has no usable "parents"; ids of up to ${PARENTS_MAX} tokens are required`);
  const scopes = scopesOf(scope);
  if (!scopes) throw malformed(`has no usable "scope"; ${SCOPE_FORM} are required`);
  if (role === "service" && scopes.length === 0) throw malformed("of the role service has no scope; one is required");
  if (!isSeconds(iat) || !isSeconds(nbf) || !isSeconds(exp) || exp <= nbf || exp <= iat) {
    throw malformed('has no usable "iat", "nbf" and "exp"');
  }
  const times = { issuedAtMs: iat * 1000, notBeforeMs: nbf * 1000, expiresAtMs: exp * 1000 };
  const own = { issuer: iss, subject: sub, audiences, role, scopes, tokenId: jti, ...times };
  return parents ? { ...own, parents } : own;
}

export const NAME_FORM = `1 to ${NAME_CHARS_MAX} visible ASCII characters`;

export function isName(value: unknown): value is string {
  return typeof value === "string" && value.length <= NAME_CHARS_MAX && NAME.test(value);
}

export function isTokenId(value: unknown): value is string {
  return typeof value === "string" && value.length <= TOKEN_ID_CHARS_MAX && TOKEN_ID.test(value);
}

export function isRole(value: unknown): value is TokenRole {
  return TOKEN_ROLES.some((role) => role === value);
}

/** Fails with `auth.token_audience` or `auth.token_lifetime`: what will not change with time. */
export function requireMeant(
  { audiences, expiresAtMs, issuedAtMs, subject }: ApiClaims,
  accepted: readonly string[],
): void {
  if (!audiences.some((each) => accepted.includes(each))) {
    const message = `the token of ${subject} is for ${audiences.join(", ")}; one for ${accepted.join(" or ")} is required`;
    throw new Failure("auth.token_audience", message);
  }
  if (expiresAtMs - issuedAtMs > LIFETIME_MS_MAX) {
    const message = `the token of ${subject} lives ${days(expiresAtMs - issuedAtMs)}; at most ${days(LIFETIME_MS_MAX)} are allowed`;
    throw new Failure("auth.token_lifetime", message);
  }
}

export function isTimely(
  { expiresAtMs, issuedAtMs, notBeforeMs }: ApiClaims,
  nowMs: number,
  toleranceMs: number,
): boolean {
  return nowMs <= expiresAtMs + toleranceMs && nowMs >= Math.max(notBeforeMs, issuedAtMs) - toleranceMs;
}

/** Fails with `auth.token_expired` or `auth.token_early`. */
export function requireTimely(claims: ApiClaims, nowMs: number, toleranceMs: number): void {
  if (isTimely(claims, nowMs, toleranceMs)) return;
  const { expiresAtMs, issuedAtMs, notBeforeMs, subject } = claims;
  if (nowMs > expiresAtMs + toleranceMs) {
    const message = `the token of ${subject} expired ${seconds(nowMs - expiresAtMs)} ago; a new one is required`;
    throw new Failure("auth.token_expired", message);
  }
  const fromMs = Math.max(notBeforeMs, issuedAtMs);
  const message = `the token of ${subject} is good in ${seconds(fromMs - nowMs)}; clocks may differ by ${seconds(toleranceMs)}`;
  throw new Failure("auth.token_early", message, { retryable: true });
}

export function malformed(what: string, cause?: unknown): Failure {
  return new Failure("auth.token_malformed", `the token ${what}`, { cause });
}

function objectOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (thrown) {
    throw malformed("holds no JSON", thrown);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed("is no object");
  return value as Readonly<Record<string, unknown>>;
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.length <= AUDIENCES_MAX && value.every(isName);
}

function isParents(value: unknown): value is readonly string[] | undefined {
  return value === undefined || (Array.isArray(value) && value.length <= PARENTS_MAX && value.every(isTokenId));
}

function scopesOf(scope: unknown): readonly string[] | undefined {
  if (typeof scope !== "string" || scope.length > SCOPE_TEXT_CHARS_MAX) return undefined;
  return readScopes(scope.split(" ").filter((each) => each !== ""));
}

function isSeconds(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 && value * 1000 <= Number.MAX_SAFE_INTEGER;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function days(ms: number): string {
  return `${(ms / 86_400_000).toFixed(1)} days`;
}

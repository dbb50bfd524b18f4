/** The claims of a token that is to be issued. */
import { Failure } from "../../base/errors.ts";
import { type ApiClaims, isName, NAME_FORM, type TokenRole } from "./claims.ts";
import { LIFETIME_MS_MAX, LIFETIME_MS_MIN, PARENTS_MAX } from "./limits.ts";
import { readScopes, SCOPE_FORM } from "./scopes.ts";

export interface ApiTokenRequest {
  readonly subject: string;
  readonly role: TokenRole;
  readonly scopes: readonly string[];
  readonly lifetimeMs: number;
  /** The token that asks for it, and those that this one came from. */
  readonly parents?: readonly string[] | undefined;
}

export interface Issuing {
  readonly issuer: string;
  readonly audience: string;
  readonly nowMs: number;
  readonly tokenId: string;
}

/** Fails with `auth.token_request` when it asks for what no verifier would take. */
export function claimsFor(request: ApiTokenRequest, issuing: Issuing): ApiClaims {
  const { lifetimeMs, parents = [], role, scopes: asked, subject } = request;
  const refuse = (what: string): never => {
    throw new Failure("auth.token_request", `a token was asked for ${what}`);
  };
  if (!isName(subject)) refuse(`the subject ${JSON.stringify(subject).slice(0, 80)}; ${NAME_FORM} are required`);
  const scopes = readScopes(asked) ?? refuse(`the scopes ${asked.join(" ").slice(0, 80)}; ${SCOPE_FORM} are required`);
  if (role === "service" && scopes.length === 0) refuse("the role service without a scope; one at least is required");
  if (!(lifetimeMs >= LIFETIME_MS_MIN && lifetimeMs <= LIFETIME_MS_MAX)) {
    refuse(`${Math.round(lifetimeMs / 1000)} s; 1 s to ${LIFETIME_MS_MAX / 86_400_000} days are required`);
  }
  if (parents.length > PARENTS_MAX) refuse(`under ${parents.length} others; at most ${PARENTS_MAX} are allowed`);
  const { audience, issuer, nowMs, tokenId } = issuing;
  const issuedAtMs = Math.floor(nowMs / 1000) * 1000; // whole seconds: what other programs expect
  const expiresAtMs = issuedAtMs + Math.ceil(lifetimeMs / 1000) * 1000;
  const times = { issuedAtMs, notBeforeMs: issuedAtMs, expiresAtMs };
  const claims = { issuer, subject, audiences: [audience], role, scopes, tokenId, ...times };
  return parents.length > 0 ? { ...claims, parents } : claims;
}

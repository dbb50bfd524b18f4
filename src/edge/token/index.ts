/** API tokens: who from outside may ask this node for what, and how that is shown, ended and guarded. */
export {
  type ApiTokenCounts,
  ApiTokens,
  type ApiTokensPorts,
  type IssuedToken,
  OFFLINE_ISSUER,
  SECRET_AUDIENCE,
} from "./api-tokens.ts";
export { type ApiClaims, fromPayload, isName, isTokenId, NAME_FORM, TOKEN_ROLES, type TokenRole } from "./claims.ts";
export { accessOf, giftsMayOutlive, mayOutlive, requireMayGrant, roleOf } from "./grant.ts";
export { IssueRate } from "./issue-rate.ts";
export type { AskKeys } from "./issuer-keys.ts";
export type { ApiTokenRequest } from "./issuing.ts";
export { ApiKeyRing, formatKeyRing, type KeptKey, parseKeyRing } from "./key-ring.ts";
export {
  CLOCK_TOLERANCE_MS,
  KEYS_TEXT_BYTES_MAX,
  KEYS_TOLD_MAX,
  LIFETIME_MS_DEFAULT,
  LIFETIME_MS_MAX,
  PARENTS_MAX,
  REVOCATIONS_MAX,
  TOKEN_CHARS_MAX,
} from "./limits.ts";
export { addressGroup, Lockout, lockedOut } from "./lockout.ts";
export { type Revocation, revocationsFull } from "./revocations.ts";
export { covers, isScope, SCOPE_FORM } from "./scopes.ts";
export { SharedSecret } from "./shared-secret.ts";
export { type PublicJwk, SigningKey } from "./signing-key.ts";
export { nameWithin } from "./subject.ts";
export { readHead, type TokenHead } from "./token-head.ts";

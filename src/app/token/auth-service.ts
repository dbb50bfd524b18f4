/**
 * Answers the contract `auth`. What a token grants follows from who asks for it: never more than he has, and for no longer. A
 * token is listed, and a revocation is on disk, before anybody is told that it is done.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import {
  type ApiKeyRing,
  type ApiTokenRequest,
  type ApiTokens,
  isTokenId,
  LIFETIME_MS_DEFAULT,
  LIFETIME_MS_MAX,
  mayOutlive,
  type Revocation,
  requireMayGrant,
  roleOf,
  type TokenRole,
} from "../../edge/token/index.ts";
import { type Caller, implement, type Service } from "../../wire/rpc/index.ts";
import { authContract, type GrantedToken, type TokenWish } from "./auth-contract.ts";
import { pageOf } from "./ledger-pages.ts";
import type { IssuedRecord } from "./ledger-text.ts";
import type { TokenLedger } from "./token-ledger.ts";

export interface AuthServicePorts {
  readonly node: string;
  readonly isTls: boolean;
  readonly audience: () => string;
  readonly clock: Pick<Clock, "now">;
  readonly tokens: ApiTokens;
  readonly ledger: Pick<TokenLedger, "state" | "record" | "revoke">;
  /** Replaces the key of this place. */
  readonly rotate: (forget: boolean) => Promise<ApiKeyRing>;
  /** All other nodes; how many there are and how many have heard. */
  readonly tell: (news: News) => Promise<{ readonly told: number; readonly others: number }>;
}

export interface News {
  readonly revoked?: readonly Revocation[];
  readonly keys?: readonly Readonly<Record<string, unknown>>[];
}

export function authService(ports: AuthServicePorts): Service {
  const { audience, isTls, ledger, node, tokens } = ports;
  return implement(authContract, {
    token: (wish, { caller }) => grant(ports, wish, caller),
    revoke: ({ jti }, { caller }) => revoke(ports, jti, caller),
    list: (page) => pageOf(ledger.state, page),
    keys: () => ({ keys: keysOf(tokens) }),
    rotate: ({ forget = false }) => rotate(ports, forget),
    whoami: (_, { caller }) => ({
      name: caller.name,
      access: caller.access,
      role: roleOf(caller.access),
      scopes: caller.scopes ?? [],
      ...(caller.token && { jti: caller.token.id, expiresAtMs: caller.token.expiresAtMs }),
      node,
      audience: audience(),
      isTls,
    }),
    news: ({ digest }) => {
      const current = tokens.revoked.digest;
      return { digest: current, keys: keysOf(tokens), ...(digest !== current && { revoked: tokens.revoked.list() }) };
    },
    told: async ({ keys, revoked = [] }, { caller }) => {
      if (keys) tokens.takeKeys(caller.name, keys);
      const news = tokens.revoke(revoked);
      if (news.length > 0) await ledger.revoke(news);
      return {};
    },
  });
}

function keysOf(tokens: ApiTokens) {
  return tokens.publicKeys().map((key) => ({ ...key }));
}

async function grant(ports: AuthServicePorts, wish: TokenWish, caller: Caller): Promise<GrantedToken> {
  const request = requestOf(wish, caller, ports.clock.now());
  requireMayGrant(caller, request.role, request.scopes);
  const { claims, keyId, token } = await ports.tokens.issue(request);
  const { expiresAtMs, issuedAtMs, issuer, role, scopes, subject, tokenId } = claims;
  const record: IssuedRecord = {
    ...{ tokenId, subject, role, scopes, issuer, keyId, issuedAtMs, expiresAtMs },
    by: caller.name,
  };
  await ports.ledger.record(record);
  const expiresIn = Math.ceil((expiresAtMs - ports.clock.now()) / 1000);
  return {
    ...{ access_token: token, token, token_type: "Bearer", role, sub: subject, jti: tokenId },
    expires_in: Math.max(1, expiresIn),
    scope: scopes.join(" "),
  };
}

function requestOf(wish: TokenWish, caller: Caller, nowMs: number): ApiTokenRequest {
  const { expires_in: seconds, node_id: nodeId, role = roleFor(caller), scope = "", scopes = [], subject } = wish;
  if (subject !== undefined && nodeId !== undefined && subject !== nodeId) {
    throw new Failure("rpc.invalid_input", "a token was asked for with a subject and another node_id; one is required");
  }
  const asked = [...scopes, ...scope.split(" ").filter((each) => each !== "")];
  const isTold = wish.scope !== undefined || wish.scopes !== undefined;
  return {
    subject: subject ?? nodeId ?? caller.name,
    role,
    scopes: isTold ? asked : (caller.scopes ?? []),
    lifetimeMs: lifetimeFor(seconds === undefined ? undefined : seconds * 1000, caller, nowMs),
  };
}

/** What decides who may do what is asked for by name. */
function roleFor({ access }: Caller): TokenRole {
  const role = roleOf(access);
  return role === "admin" || role === "node" ? "operator" : role;
}

function lifetimeFor(askedMs: number | undefined, caller: Caller, nowMs: number): number {
  if (mayOutlive(caller)) return askedMs ?? LIFETIME_MS_DEFAULT;
  const ownMs = caller.token ? caller.token.expiresAtMs - nowMs : LIFETIME_MS_DEFAULT;
  const leftMs = Math.max(1_000, Math.floor(ownMs / 1000) * 1000); // it was good a moment ago
  if (askedMs === undefined) return Math.min(LIFETIME_MS_DEFAULT, leftMs);
  if (askedMs <= leftMs) return askedMs;
  const message = `${caller.name} asked for a token of ${askedMs / 1000} s, and has ${leftMs / 1000} s left; a token outlives its giver's only where he is an admin`;
  throw new Failure("rpc.forbidden", message);
}

async function revoke({ clock, ledger, tell, tokens }: AuthServicePorts, jti: string, caller: Caller) {
  if (!mayOutlive(caller) && caller.token?.id !== jti) {
    throw new Failure("rpc.forbidden", `${caller.name} may ${caller.access}; revoking another one's token needs admin`);
  }
  if (!isTokenId(jti)) throw new Failure("rpc.invalid_input", "jti has not the form of a token's id");
  const issued = ledger.state.issued.find(({ tokenId }) => tokenId === jti);
  const expiresAtMs = issued?.expiresAtMs ?? clock.now() + LIFETIME_MS_MAX; // of another node: as long as any token lives
  const news = tokens.revoke([{ tokenId: jti, expiresAtMs }]);
  if (news.length > 0) await ledger.revoke(news);
  const { others, told } = await tell({ revoked: [{ tokenId: jti, expiresAtMs }] });
  return { jti, isNews: news.length > 0, told, others };
}

async function rotate({ rotate: replace, tell, tokens }: AuthServicePorts, forget: boolean) {
  const ring = await replace(forget);
  tokens.rotate(ring);
  const keys = keysOf(tokens);
  await tell({ keys });
  return { keyId: ring.first.id, believed: keys.map(({ kid }) => kid) };
}

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
  giftsMayOutlive,
  IssueRate,
  isTokenId,
  LIFETIME_MS_MAX,
  mayOutlive,
  type Revocation,
  roleOf,
} from "../../edge/token/index.ts";
import { type Caller, implement, type Service } from "../../wire/rpc/index.ts";
import { authContract, type GrantedToken } from "./auth-contract.ts";
import { requestFor } from "./granting.ts";
import { keepRevocations } from "./keep-revocations.ts";
import { pageOf } from "./ledger-pages.ts";
import type { IssuedRecord } from "./ledger-text.ts";
import type { TokenLedger } from "./token-ledger.ts";

export interface AuthServicePorts {
  readonly node: string;
  readonly isTls: boolean;
  readonly audience: () => string;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly tokens: ApiTokens;
  readonly ledger: Pick<TokenLedger, "state" | "record" | "revoke">;
  /** Replaces the key of this place. */
  readonly rotate: (forget: boolean) => Promise<ApiKeyRing>;
  /** All other nodes. */
  readonly tell: (news: News) => Promise<Told>;
}

/** How many other nodes there are, have heard, and list a token of those that were revoked. */
export interface Told {
  readonly told: number;
  readonly others: number;
  readonly listed: number;
}

export const NOBODY_TOLD: Told = { told: 0, others: 0, listed: 0 };

export interface News {
  readonly revoked?: readonly Revocation[];
  readonly keys?: readonly Readonly<Record<string, unknown>>[];
}

export function authService(ports: AuthServicePorts): Service {
  const { audience, clock, isTls, ledger, node, tokens } = ports;
  const rate = new IssueRate(clock);
  return implement(authContract, {
    token: (wish, { caller }) => {
      const request = requestFor(wish, caller, clock.now());
      if (!mayOutlive(caller)) rate.take(caller.name);
      return grant(ports, request, caller);
    },
    revoke: ({ jti }, { caller }) => revoke(ports, jti, caller),
    list: (page) => pageOf(ledger.state, page),
    keys: () => ({ keys: tokens.allPublicKeys().map((key) => ({ ...key })) }),
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
      tokens.revoke(revoked);
      await keepRevocations(ports);
      return { isListed: revoked.some(({ tokenId }) => issuedHere(ports, tokenId) !== undefined) };
    },
  });
}

function keysOf(tokens: ApiTokens) {
  return tokens.publicKeys().map((key) => ({ ...key }));
}

async function grant(ports: AuthServicePorts, request: ApiTokenRequest, caller: Caller): Promise<GrantedToken> {
  const { claims, keyId, token } = await ports.tokens.issue(request);
  const { expiresAtMs, issuedAtMs, issuer, parents, role, scopes, subject, tokenId } = claims;
  const record: IssuedRecord = {
    ...{ tokenId, subject, role, scopes, issuer, keyId, issuedAtMs, expiresAtMs },
    by: caller.name,
    ...(parents && { parents }),
  };
  await ports.ledger.record(record);
  const expiresIn = Math.ceil((expiresAtMs - ports.clock.now()) / 1000);
  return {
    ...{ access_token: token, token, token_type: "Bearer", role, sub: subject, jti: tokenId },
    expires_in: Math.max(1, expiresIn),
    scope: scopes.join(" "),
  };
}

async function revoke(ports: AuthServicePorts, jti: string, caller: Caller) {
  const { tell, tokens } = ports;
  if (!mayOutlive(caller) && caller.token?.id !== jti) {
    throw new Failure("rpc.forbidden", `${caller.name} may ${caller.access}; revoking another one's token needs admin`);
  }
  if (!isTokenId(jti)) throw new Failure("rpc.invalid_input", "jti has not the form of a token's id");
  const isNews = !tokens.revoked.has(jti);
  const revocation = { tokenId: jti, expiresAtMs: rememberedUntil(ports, jti) };
  if (isNews) tokens.revoke([revocation]);
  await keepRevocations(ports);
  const { listed, others, told } = await tell({ revoked: [revocation] });
  return { jti, isNews, isListed: listed > 0 || issuedHere(ports, jti) !== undefined, told, others };
}

/** As long as it would be good, and all that came from it: of another node's token, or an admin's, as long as any token lives. */
function rememberedUntil(ports: AuthServicePorts, jti: string): number {
  const issued = issuedHere(ports, jti);
  return issued && !giftsMayOutlive(issued.role) ? issued.expiresAtMs : ports.clock.now() + LIFETIME_MS_MAX;
}

function issuedHere({ ledger }: AuthServicePorts, jti: string): IssuedRecord | undefined {
  return ledger.state.issued.find(({ tokenId }) => tokenId === jti);
}

async function rotate({ rotate: replace, tell, tokens }: AuthServicePorts, forget: boolean) {
  tokens.requireOwnKeys();
  const ring = await replace(forget);
  tokens.rotate(ring);
  const keys = keysOf(tokens);
  await tell({ keys });
  return { keyId: ring.first.id, believed: keys.map(({ kid }) => kid) };
}

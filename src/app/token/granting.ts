/**
 * What is granted to whom: never more than he has himself, under his name, for no longer, and ended with his own token. An
 * admin decides who may do what: he names anybody, and what he gives may outlive his token, but not its revocation.
 */
import { Failure } from "../../base/errors.ts";
import {
  type ApiTokenRequest,
  LIFETIME_MS_DEFAULT,
  mayOutlive,
  nameWithin,
  PARENTS_MAX,
  requireMayGrant,
  roleOf,
  type TokenRole,
} from "../../edge/token/index.ts";
import type { Caller } from "../../wire/rpc/index.ts";
import type { TokenWish } from "./auth-contract.ts";

/** Fails with `rpc.forbidden` or `rpc.invalid_input`. */
export function requestFor(wish: TokenWish, caller: Caller, nowMs: number): ApiTokenRequest {
  const { role = roleFor(caller), scope = "", scopes = [] } = wish;
  const asked = [...scopes, ...scope.split(" ").filter((each) => each !== "")];
  const isTold = wish.scope !== undefined || wish.scopes !== undefined;
  const request = {
    subject: subjectFor(wish, caller),
    role,
    scopes: isTold ? asked : (caller.scopes ?? []),
    lifetimeMs: lifetimeFor(wish.expires_in, caller, nowMs),
    parents: parentsFor(caller),
  };
  requireMayGrant(caller, request.role, request.scopes);
  return request;
}

function subjectFor({ node_id: nodeId, subject }: TokenWish, caller: Caller): string {
  if (subject !== undefined && nodeId !== undefined && subject !== nodeId) {
    throw new Failure("rpc.invalid_input", "a token was asked for with a subject and another node_id; one is required");
  }
  const wanted = subject ?? nodeId ?? caller.name;
  return mayOutlive(caller) ? wanted : nameWithin(caller.name, wanted);
}

/** What decides who may do what is asked for by name. */
function roleFor({ access }: Caller): TokenRole {
  const role = roleOf(access);
  return role === "admin" || role === "node" ? "operator" : role;
}

function lifetimeFor(askedS: number | undefined, caller: Caller, nowMs: number): number {
  const askedMs = askedS === undefined ? undefined : askedS * 1000;
  if (mayOutlive(caller)) return askedMs ?? LIFETIME_MS_DEFAULT;
  const ownMs = caller.token ? caller.token.expiresAtMs - nowMs : LIFETIME_MS_DEFAULT;
  const leftS = Math.floor(ownMs / 1000);
  if (leftS < 1) throw refused(caller, `a token, and has less than a second left`);
  if (askedMs === undefined) return Math.min(LIFETIME_MS_DEFAULT, leftS * 1000);
  if (askedMs <= leftS * 1000) return askedMs;
  throw refused(caller, `a token of ${askedS} s, and has ${leftS} s left`);
}

function refused({ name }: Caller, what: string): Failure {
  return new Failure(
    "rpc.forbidden",
    `${name} asked for ${what}; a token outlives its giver's only where he is an admin`,
  );
}

/** Of a command or a node, which have the cluster's key, there is nothing to end. */
function parentsFor({ name, token }: Caller): readonly string[] {
  if (!token) return [];
  const parents = [token.id, ...(token.parents ?? [])];
  if (parents.length <= PARENTS_MAX) return parents;
  const message = `${name} has a token that came from ${PARENTS_MAX} others, one from the other; one of these, or the command token create, has to give the next`;
  throw new Failure("rpc.forbidden", message);
}

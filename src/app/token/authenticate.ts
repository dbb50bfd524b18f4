/**
 * Who sends an HTTP request: whoever has a token. A token under the cluster's key is of a node or a command and taken once; an
 * API token is of a person or program and good until it ends. Whoever is refused learns nothing about why; the log does.
 */
import { Failure, toFailure } from "../../base/errors.ts";
import { type ApiClaims, type ApiTokens, accessOf, type Lockout, lockedOut, readHead } from "../../edge/token/index.ts";
import type { Tokens } from "../../wire/auth/index.ts";
import type { Caller } from "../../wire/rpc/index.ts";

/** Where a request came from; finding that out costs, and is done for those only whose token is not known. */
export interface Sender {
  readonly address?: string | undefined;
}

/** What it reads of a request. */
export interface Authenticated {
  readonly headers: { get(name: string): string | null };
}

export type Authenticate = (request: Authenticated, sender?: Sender) => Caller | Promise<Caller>;

export interface AuthenticatePorts {
  readonly clusterTokens: Pick<Tokens, "verify">;
  /** To whom tokens under the cluster's key have to be addressed. */
  readonly audiences: () => readonly string[];
  readonly tokens: Pick<ApiTokens, "known" | "isKnownBad" | "verify">;
  readonly lockout: Lockout;
  /** For the log. */
  readonly refused: (failure: Failure, address: string | undefined) => void;
  readonly lockedOut: (address: string | undefined, waitMs: number) => void;
}

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;
/** Ids of cluster keys; those of API keys have 43 characters. */
const CLUSTER_KEY_ID = /^[0-9a-f]{8}$/;
/** This side's troubles, not the sender's. */
const NOT_HIS = new Set(["auth.token_overload", "auth.defect"]);

/** Fails with `rpc.unauthenticated` or `auth.locked_out`. At once for a token that is known: most requests have one. */
export function authenticator(ports: AuthenticatePorts): Authenticate {
  const callers = new WeakMap<ApiClaims, Caller>();
  const callerFor = (claims: ApiClaims): Caller => {
    const caller = callers.get(claims) ?? callerOf(claims);
    callers.set(claims, caller);
    return caller;
  };
  return ({ headers }, sender) => {
    const token = BEARER.exec(headers.get("authorization") ?? "")?.[1];
    if (token === undefined) throw unauthenticated(); // nothing was guessed
    const claims = ports.tokens.known(token);
    return claims ? callerFor(claims) : look(ports, token, sender?.address, callerFor);
  };
}

async function look(
  ports: AuthenticatePorts,
  token: string,
  address: string | undefined,
  callerFor: (claims: ApiClaims) => Caller,
): Promise<Caller> {
  const { lockout, tokens } = ports;
  const waitMs = lockout.waitMs(address);
  if (waitMs > 0 && (tokens.isKnownBad(token) || !lockout.mayLook(address))) throw lockedOut(waitMs);
  try {
    const { algorithm, keyId } = readHead(token);
    const isCluster = algorithm === "HS256" && keyId !== undefined && CLUSTER_KEY_ID.test(keyId);
    return isCluster ? await clusterCaller(ports, token) : callerFor(await tokens.verify(token));
  } catch (thrown) {
    const failure = toFailure(thrown, "auth.defect");
    ports.refused(failure, address);
    if (waitMs > 0) throw lockedOut(waitMs);
    if (!NOT_HIS.has(failure.code) && lockout.failed(address)) ports.lockedOut(address, lockout.waitMs(address));
    throw unauthenticated();
  }
}

async function clusterCaller({ audiences, clusterTokens }: AuthenticatePorts, token: string): Promise<Caller> {
  const { access, id, role } = await clusterTokens.verify(token, audiences());
  return { name: id, access: role === "node" ? "node" : access };
}

function callerOf({ expiresAtMs, parents, role, scopes, subject, tokenId }: ApiClaims): Caller {
  const token = { id: tokenId, expiresAtMs, ...(parents && { parents }) };
  return { name: subject, access: accessOf(role), scopes, token };
}

function unauthenticated(): Failure {
  return new Failure(
    "rpc.unauthenticated",
    "a token for this node is required; the command token create, on its machine, prints one",
  );
}

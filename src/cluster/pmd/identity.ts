/**
 * Who may ask, and whom to believe. Both sides hold the same key behind `PmdAuth`. A caller shows a token for this very
 * life of the port mapper; the port mapper answers each caller's nonce with a token for it, so that another user's program
 * on the same port is never believed, and gets no token that is of use anywhere else, now or later.
 */
import { z } from "zod";
import { Failure } from "../../base/errors.ts";
import type { Caller } from "../../wire/rpc/index.ts";
import { PMD_HOST } from "./limits.ts";

/** What is needed of the key that all processes of one user share. */
export interface PmdAuth {
  /** A fresh token for the one addressed; good for one use and a short time. */
  token(audience: string): Promise<string>;
  /**
   * Throws a Failure when it is not under the same key, for somebody else, of another time, or used before. Of another time
   * (`auth.token_early`, `auth.token_expired`) is only what has been seen to be genuine; `data.aheadMs` may tell by how much.
   */
  verify(token: string, audience: string): Promise<Caller>;
}

export const SERVICE = "distributed_system pmd";
export const IDENTITY_PATH = "/pmd";
export const WATCH_PATH = "/watch";
export const NONCE_HEADER = "pmd-nonce";
export const PROOF_HEADER = "pmd-proof";
const UNTIMELY = new Set(["auth.token_early", "auth.token_expired"]);
/** Long enough never to repeat, short enough for a header. */
const NONCE = /^[A-Za-z0-9_-]{16,64}$/;

export const identityShape = z.object({
  service: z.literal(SERVICE),
  version: z.string().max(64),
  pid: z.number(),
  life: z.string().min(1).max(64),
});

/** What a port mapper says of itself to everybody. */
export type PmdIdentity = z.output<typeof identityShape>;

export function isNonce(text: string): boolean {
  return NONCE.test(text);
}

/** What callers' tokens are for. Not the port alone: what a false port mapper is shown cannot be used on a later true one. */
export function callAudience(port: number, life: string): string {
  return `pmd ${PMD_HOST}:${port} ${life}`;
}

/** What proofs are for: the first word keeps them from being anybody's tokens. */
export function proofAudience(port: number, life: string, nonce: string): string {
  return `pmd-proof ${PMD_HOST}:${port} ${life} ${nonce}`;
}

/** Genuine, and for us; but the clocks of the two sides do not agree, or one was set in between. */
export function isUntimely(thrown: unknown): thrown is Failure {
  return thrown instanceof Failure && UNTIMELY.has(thrown.code);
}

/** The caller that a request names; throws `rpc.unauthenticated` as `serveContracts` wants it. */
export async function authenticate(request: Request, auth: PmdAuth, audience: string): Promise<Caller> {
  const token = /^Bearer ([\x21-\x7e]{1,4096})$/.exec(request.headers.get("authorization") ?? "")?.[1];
  if (token === undefined) {
    throw new Failure("rpc.unauthenticated", "the request carries no token; authorization: Bearer TOKEN is required");
  }
  try {
    return await auth.verify(token, audience);
  } catch (thrown) {
    const message = isUntimely(thrown)
      ? `the token is of this port mapper's user and not of now; a fresh one is required: ${thrown.message}`
      : "the token is no good here; a fresh one of this port mapper's user is required"; // why is not for strangers
    throw new Failure("rpc.unauthenticated", message, { cause: thrown });
  }
}

/** What a token says, and what can be said of it with the files of this place. It asks nobody. */
import { systemClock } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { fromPayload, readHead } from "../../edge/token/index.ts";
import type { AskChoices } from "../node/ask-node.ts";
import { openFiles } from "./ask-auth.ts";

export interface Inspection {
  readonly jti: string;
  readonly sub: string;
  readonly role: string;
  readonly scopes: readonly string[];
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly keyId: string | undefined;
  readonly algorithm: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly leftMs: number;
  /** Whether this place would take it; a node that knows other nodes' keys may know more. */
  readonly isGood: boolean;
  /** Why not. */
  readonly code?: string;
  readonly why?: string;
}

/** Fails with `auth.token_malformed` when it is no token at all. */
export async function inspectToken(
  token: string,
  choices: Pick<AskChoices, "dataDir" | "secrets">,
): Promise<Inspection> {
  const { algorithm, keyId } = readHead(token);
  const claims = fromPayload(Buffer.from(token.split(".")[1] ?? "", "base64url"));
  const { audiences, expiresAtMs, issuedAtMs, issuer, role, scopes, subject, tokenId } = claims;
  const failure = await verdict(token, choices);
  return {
    ...{ jti: tokenId, sub: subject, role, scopes, issuer, audiences, keyId, algorithm, issuedAtMs, expiresAtMs },
    leftMs: Math.max(0, expiresAtMs - systemClock.now()),
    isGood: failure === undefined,
    ...(failure && { code: failure.code, why: failure.message }),
  };
}

async function verdict(token: string, choices: Pick<AskChoices, "dataDir" | "secrets">): Promise<Failure | undefined> {
  try {
    await openFiles(choices).tokens.verify(token);
    return undefined;
  } catch (thrown) {
    return toFailure(thrown, "auth.token_malformed");
  }
}

/** What `token revoke` is given: an id, or the token itself. */
export function tokenIdOf(text: string): string {
  if (!text.includes(".") || text.split(".").length !== 3) return text;
  try {
    return fromPayload(Buffer.from(text.split(".")[1] ?? "", "base64url")).tokenId;
  } catch (thrown) {
    if (thrown instanceof Failure) return text; // an id with two dots in it
    throw thrown;
  }
}

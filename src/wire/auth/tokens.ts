/**
 * Tokens by which processes of one cluster recognise each other: JSON Web Tokens under a key derived from the cluster key.
 * A token names who speaks and to whom, lives for 30 seconds and is accepted once. With an identity (a node certificate) it
 * is a nested token: the claims are signed by the node's private key first, so that one member cannot speak as another. What
 * is not signed under a known key is refused before anything else in it is looked at.
 */
import type { CryptoKey } from "jose";
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import {
  type Claims,
  fromPayload,
  isAudience,
  isSubject,
  malformed,
  type Role,
  requireValid,
  type TokenAccess,
  toPayload,
} from "./claims.ts";
import type { ClusterKey } from "./cluster-key.ts";
import type { Entropy } from "./entropy.ts";
import type { Identities, Identity } from "./identity.ts";
import type { Keyring } from "./keyring.ts";
import { CLOCK_TOLERANCE_MS, START_SLACK_MS, TOKEN_CHARS_MAX, TOKEN_LIFETIME_MS, USED_TOKENS_MAX } from "./limits.ts";
import { UsedTokens } from "./used-tokens.ts";

export interface TokenRequest {
  /** Id of the node or client that speaks. */
  readonly sub: string;
  /** `host:port` (see `addressText`) or node id of the one addressed. */
  readonly aud: string;
  /** A node unless told otherwise. */
  readonly role?: Role;
  /** `operate` for nodes, `read` for clients unless told otherwise. */
  readonly access?: TokenAccess;
}

export interface TokensPorts {
  readonly keyring: Keyring;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly entropy: Entropy;
  /** With TLS: the node's certificate and private key. */
  readonly identity?: Identity;
  /** With TLS: believes certificates of the cluster's authority. Tokens of nodes without one are refused then. */
  readonly identities?: Identities;
}

export interface TokensOptions {
  readonly lifetimeMs?: number;
  readonly toleranceMs?: number;
  readonly usedMax?: number;
}

const ENTROPY_BYTES = 16;
const ALGORITHM = "HS256";

export class Tokens {
  readonly #ports: TokensPorts;
  readonly #lifetimeMs: number;
  readonly #toleranceMs: number;
  /** From the tolerance before `iat` to the one after `exp`. */
  readonly #acceptedMs: number;
  readonly #startedMs: number;
  readonly #used: UsedTokens;
  #keyring: Keyring;
  #imported = new WeakMap<ClusterKey, Promise<CryptoKey>>();

  constructor(ports: TokensPorts, options: TokensOptions = {}) {
    this.#ports = ports;
    this.#keyring = ports.keyring;
    this.#lifetimeMs = options.lifetimeMs ?? TOKEN_LIFETIME_MS;
    this.#toleranceMs = options.toleranceMs ?? CLOCK_TOLERANCE_MS;
    this.#acceptedMs = this.#lifetimeMs + 2 * this.#toleranceMs;
    this.#used = new UsedTokens(options.usedMax ?? USED_TOKENS_MAX, this.#acceptedMs);
    this.#startedMs = ports.clock.monotonic();
  }

  /** Goes by other keys from now on; what was used stays used. */
  rotate(keyring: Keyring): void {
    this.#keyring = keyring;
  }

  /** Tokens that are remembered. */
  get usedCount(): number {
    return this.#used.size;
  }

  /** Fails with `auth.token_request` when `sub` or `aud` is unusable. */
  async issue({
    sub,
    aud,
    role = "node",
    access = role === "node" ? "operate" : "read",
  }: TokenRequest): Promise<string> {
    if (!isSubject(sub) || !isAudience(aud)) {
      const message = `a token was asked for ${JSON.stringify({ sub, aud })}; an id without blanks and an address are required`;
      throw new Failure("auth.token_request", message);
    }
    const issuedAtMs = this.#ports.clock.now();
    const tokenId = Buffer.from(this.#ports.entropy(ENTROPY_BYTES)).toString("base64url");
    const expiresAtMs = issuedAtMs + this.#lifetimeMs;
    const payload = toPayload({ id: sub, audience: aud, role, access, tokenId, issuedAtMs, expiresAtMs });
    const { identity } = this.#ports;
    return identity && role === "node"
      ? this.#seal(Buffer.from(await identity.sign(payload, sub)), "JWT")
      : this.#seal(payload);
  }

  /** Fails with `auth.token_…`; the message is for the log of this side, the other side is told nothing. */
  async verify(token: string, audience: string | readonly string[]): Promise<Claims> {
    const { payload, isNested } = await this.#unseal(token);
    const claims = await this.#claimsOf(payload, isNested);
    const { clock } = this.#ports;
    const [nowMs, monotonicMs] = [clock.now(), clock.monotonic()];
    requireValid(claims, {
      nowMs,
      notBeforeMs: nowMs - (monotonicMs - this.#startedMs) - START_SLACK_MS, // follows a wall clock that is set
      toleranceMs: this.#toleranceMs,
      lifetimeMs: this.#lifetimeMs,
      audiences: typeof audience === "string" ? [audience] : audience,
    });
    this.#useOnce(claims, monotonicMs);
    return claims;
  }

  async #claimsOf(payload: Uint8Array, isNested: boolean): Promise<Claims> {
    const { identities } = this.#ports;
    if (isNested) {
      if (!identities) throw malformed("is signed with a node certificate; here is no authority to verify it by");
      return identities.verify(Buffer.from(payload).toString("latin1"));
    }
    const claims = fromPayload(payload); // clients speak with the cluster key alone: whoever has it may operate anyway
    if (identities && claims.role === "node") {
      const message = `the token of node ${claims.id} is not signed with a node certificate; one is required`;
      throw new Failure("auth.token_certificate", message);
    }
    return claims;
  }

  #useOnce({ id, tokenId }: Claims, monotonicMs: number): void {
    const use = this.#used.use(tokenId, monotonicMs);
    if (use === "again")
      throw new Failure("auth.token_replayed", `the token of ${id} was used before; a new one is required`);
    if (use === "full") {
      const message = `${this.#used.size} tokens were used within ${this.#acceptedMs / 1000} s, which is the most; the token of ${id} has to wait`;
      throw new Failure("auth.token_overload", message, { retryable: true });
    }
  }

  async #seal(payload: Uint8Array, contentType?: string): Promise<string> {
    const { CompactSign } = await import("jose");
    const key = this.#keyring.first;
    const header = { alg: ALGORITHM, typ: "JWT", kid: key.id, ...(contentType && { cty: contentType }) };
    return new CompactSign(payload).setProtectedHeader(header).sign(await this.#cryptoKey(key));
  }

  async #unseal(token: string): Promise<{ readonly payload: Uint8Array; readonly isNested: boolean }> {
    if (token.length > TOKEN_CHARS_MAX)
      throw malformed(`has ${token.length} characters; at most ${TOKEN_CHARS_MAX} are allowed`);
    const { compactVerify } = await import("jose");
    try {
      const keyOf = ({ kid }: { readonly kid?: string }): Promise<CryptoKey> => this.#cryptoKey(this.#keyNamed(kid));
      const { payload, protectedHeader } = await compactVerify(token, keyOf, { algorithms: [ALGORITHM] });
      return { payload, isNested: protectedHeader.cty === "JWT" };
    } catch (thrown) {
      if (thrown instanceof Failure) throw thrown;
      const isForged = (thrown as { code?: unknown }).code === "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"; // jose's errors carry one
      if (!isForged) throw malformed("is no signed JSON Web Token of ours", thrown);
      throw new Failure("auth.token_forged", "the token's signature is wrong; one under the cluster key is required");
    }
  }

  #keyNamed(id: unknown): ClusterKey {
    const key = typeof id === "string" ? this.#keyring.find(id) : undefined;
    if (key) return key;
    const ids = this.#keyring.keys.map((each) => each.id).join(" or ");
    const told = typeof id === "string" ? JSON.stringify(id.slice(0, 16)) : "not named";
    throw new Failure("auth.token_key", `the token's cluster key is ${told}; ${ids} is required`);
  }

  /** jose wants the key imported; once per key is enough. */
  #cryptoKey(key: ClusterKey): Promise<CryptoKey> {
    let imported = this.#imported.get(key);
    if (!imported) {
      const algorithm = { name: "HMAC", hash: "SHA-256" };
      imported = crypto.subtle.importKey("raw", Uint8Array.from(key.tokenKey), algorithm, false, ["sign", "verify"]);
      this.#imported.set(key, imported);
    }
    return imported;
  }
}

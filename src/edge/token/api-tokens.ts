/**
 * API tokens of this node: issued under its own key or a shared secret, verified with its own keys, those of other nodes, or
 * the secret. Which algorithm a token may have follows from the kind of key, never from the token. What is not signed is
 * refused before anything in it is believed. It stores nothing: keys and revocations are handed to it.
 */
import type { CryptoKey } from "jose";
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Entropy } from "../../wire/auth/index.ts";
import {
  type ApiClaims,
  fromPayload,
  isName,
  isTimely,
  malformed,
  requireMeant,
  requireTimely,
  toPayload,
} from "./claims.ts";
import { ImportedKeys } from "./imported-keys.ts";
import { type AskKeys, IssuerKeys } from "./issuer-keys.ts";
import { type ApiTokenRequest, claimsFor } from "./issuing.ts";
import type { ApiKeyRing } from "./key-ring.ts";
import { CLOCK_TOLERANCE_MS, KEYS_TOLD_MAX, TOKEN_CHARS_MAX } from "./limits.ts";
import { type Revocation, Revocations } from "./revocations.ts";
import type { SharedSecret } from "./shared-secret.ts";
import { isKeyId, type PublicJwk } from "./signing-key.ts";
import { readHead, readIssuer, type TokenHead } from "./token-head.ts";
import { digestOf, Verdicts } from "./verdicts.ts";

/** Of a token that was issued from a key file while no node ran: whoever has the key may verify it. */
export const OFFLINE_ISSUER = "offline";
/** To whom tokens under a shared secret are addressed: where the secret is known, the cluster's key need not be. */
export const SECRET_AUDIENCE = "distributed_system";

export interface IssuedToken {
  readonly token: string;
  readonly claims: ApiClaims;
  readonly keyId: string;
}

export interface ApiTokensPorts {
  /** This node's id. */
  readonly issuer: string;
  /** Of this cluster, as its tokens name it; several while the cluster's key is being replaced. The first one is issued for. */
  readonly audiences: readonly string[];
  readonly keys: ApiKeyRing;
  readonly secret?: SharedSecret | undefined;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly entropy: Entropy;
  readonly askKeys: AskKeys;
}

export interface ApiTokenCounts {
  readonly issued: number;
  readonly verified: number;
  /** Without looking at the signature again. */
  readonly remembered: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Other nodes, for a key. */
  readonly asked: number;
  readonly revoked: number;
}

/** What no time changes: such a token is refused again without a look. */
const FOR_GOOD = new Set(["auth.token_malformed", "auth.token_forged", "auth.token_lifetime", "auth.token_expired"]);
const ENTROPY_BYTES = 16;
const OWN = "EdDSA";
const SHARED = "HS256";

export class ApiTokens {
  readonly #ports: ApiTokensPorts;
  readonly #others: IssuerKeys;
  readonly #revoked = new Revocations();
  readonly #verdicts = new Verdicts();
  readonly #imports = new ImportedKeys();
  readonly #refused: Record<string, number> = {};
  #keys: ApiKeyRing;
  #audiences: readonly string[];
  #counts = { issued: 0, verified: 0, remembered: 0 };

  constructor(ports: ApiTokensPorts) {
    this.#ports = ports;
    this.#keys = ports.keys;
    this.#audiences = ports.audiences;
    this.#others = new IssuerKeys(ports.clock, ports.askKeys, () => this.#verdicts.clear());
  }

  get keys(): ApiKeyRing {
    return this.#keys;
  }

  /** Fails with `auth.shared_secret` where replacing the key would end nothing. */
  requireOwnKeys(): void {
    const { secret } = this.#ports;
    if (!secret) return;
    const message = `tokens are signed with ${secret.source}; another value of that, on every node that has it, ends them, and no other key does`;
    throw new Failure("auth.shared_secret", message);
  }

  get revoked(): Pick<Revocations, "digest" | "list" | "has"> {
    return this.#revoked;
  }

  counts(): ApiTokenCounts {
    const revoked = this.#revoked.size;
    return { ...this.#counts, refused: { ...this.#refused }, asked: this.#others.asked, revoked };
  }

  /** Goes by other keys from now on. */
  rotate(keys: ApiKeyRing): void {
    this.#keys = keys;
    this.#verdicts.clear();
  }

  /** The cluster's key was replaced. */
  readdress(audiences: readonly string[]): void {
    this.#audiences = audiences;
    this.#verdicts.clear();
  }

  /** What of these was news here. Fails with `auth.revocations_full`. */
  revoke(list: readonly Revocation[]): readonly Revocation[] {
    return this.#revoked.add(list, this.#ports.clock.now());
  }

  /** Those of tokens that have ended are forgotten. */
  dropEnded(): void {
    this.#revoked.drop(this.#ports.clock.now());
  }

  /** Another node says with which keys it signs now. */
  takeKeys(issuer: string, keys: readonly unknown[]): void {
    this.#others.replace(issuer, keys);
  }

  /** Those that others need to verify tokens of this node. */
  publicKeys(): readonly PublicJwk[] {
    return this.#keys.publicKeys(this.#ports.clock.now());
  }

  /** Own ones first, then those of other nodes, as far as they are known. */
  allPublicKeys(): readonly PublicJwk[] {
    const all = [...this.publicKeys(), ...this.#others.all().map(({ key }) => key)];
    return [...new Map(all.map((key) => [key.kid, key])).values()].slice(0, KEYS_TOLD_MAX);
  }

  /** Fails with `auth.token_request` when it asks for what no verifier would take. */
  async issue(request: ApiTokenRequest): Promise<IssuedToken> {
    const { clock, entropy, issuer, secret } = this.#ports;
    const claims = claimsFor(request, {
      issuer,
      audience: secret ? SECRET_AUDIENCE : this.#audiences[0]!, // a cluster has a key
      nowMs: clock.now(),
      tokenId: Buffer.from(entropy(ENTROPY_BYTES)).toString("hex"), // stands on command lines: never begins with "-"
    });
    const { CompactSign } = await import("jose");
    const signing = this.#keys.first;
    const keyId = secret?.id ?? signing.id;
    const header = { alg: secret ? SHARED : OWN, typ: "JWT", kid: keyId };
    const key = await (secret ? this.#imports.secret(secret) : this.#imports.private(signing));
    const token = await new CompactSign(toPayload(claims)).setProtectedHeader(header).sign(key);
    this.#counts.issued++;
    return { token, claims, keyId };
  }

  /** What it says when it was verified before and is still good; undefined when `verify` has to be asked. */
  known(token: string): ApiClaims | undefined {
    const { clock } = this.#ports;
    const verdict = this.#verdicts.find(digestOf(token), clock.monotonic());
    if (!verdict?.ok) return undefined;
    const { claims, keyUntilMs } = verdict;
    const nowMs = clock.now();
    if (!isTimely(claims, nowMs, CLOCK_TOLERANCE_MS) || nowMs >= keyUntilMs) return undefined;
    if (this.#revoked.hasEnded(claims)) return undefined;
    this.#counts.remembered++;
    return claims;
  }

  /** It was refused a moment ago, for what does not change. */
  isKnownBad(token: string): boolean {
    return this.#verdicts.find(digestOf(token), this.#ports.clock.monotonic())?.ok === false;
  }

  /** Fails with `auth.token_…`; the message is for the log of this side, the other side is told nothing. */
  async verify(token: string): Promise<ApiClaims> {
    const known = token.length > TOKEN_CHARS_MAX ? undefined : this.known(token);
    if (known) return known;
    try {
      const claims = await this.#look(token);
      this.#counts.verified++;
      return claims;
    } catch (thrown) {
      const code = thrown instanceof Failure ? thrown.code : "auth.defect";
      this.#refused[code] = (this.#refused[code] ?? 0) + 1;
      throw thrown;
    }
  }

  async #look(token: string): Promise<ApiClaims> {
    const head = readHead(token); // also that it is not too long to be worth remembering
    const digest = digestOf(token);
    const { clock } = this.#ports;
    const verdict = this.#verdicts.find(digest, clock.monotonic());
    if (verdict?.ok === false) throw verdict.failure;
    try {
      return await this.#verified(token, head, digest);
    } catch (thrown) {
      if (thrown instanceof Failure && FOR_GOOD.has(thrown.code)) {
        this.#verdicts.refuse(digest, thrown, clock.monotonic());
      }
      throw thrown;
    }
  }

  async #verified(token: string, head: TokenHead, digest: string): Promise<ApiClaims> {
    const { generation } = this.#verdicts;
    const source = await this.#sourceOf(head, token);
    const claims = fromPayload(await payloadOf(token, source.key, head.algorithm));
    requireMeant(claims, source.audiences);
    if (source.issuer !== undefined && claims.issuer !== source.issuer) {
      const message = `the token of ${claims.subject} is said to be of ${claims.issuer}, and is signed by ${source.issuer}`;
      throw new Failure("auth.token_forged", message);
    }
    requireTimely(claims, this.#ports.clock.now(), CLOCK_TOLERANCE_MS);
    if (this.#revoked.hasEnded(claims)) {
      const what = this.#revoked.has(claims.tokenId) ? "is" : "came from one that is";
      throw new Failure("auth.token_revoked", `the token ${claims.tokenId} of ${claims.subject} ${what} revoked`);
    }
    this.#verdicts.believe(digest, { claims, keyUntilMs: source.untilMs }, generation);
    return claims;
  }

  /** The key that a token has to be signed with, by the kind of key that its head names. */
  #sourceOf(head: TokenHead, token: string): Promise<KeySource> {
    if (head.algorithm === SHARED) return this.#sharedSource(head);
    if (head.algorithm === OWN) return this.#keySource(head, token);
    const message = `the token's "alg" is ${JSON.stringify(head.algorithm)}; ${OWN} is required`;
    throw new Failure("auth.token_malformed", message);
  }

  async #sharedSource({ keyId }: TokenHead): Promise<KeySource> {
    const { secret } = this.#ports;
    if (!secret) throw new Failure("auth.token_key", "the token is under a shared secret; this node has none");
    if (keyId !== undefined && keyId !== secret.id && keyId.startsWith("hs-")) {
      throw new Failure(
        "auth.token_key",
        `the token is under the secret ${keyId.slice(0, 16)}; ${secret.id} is required`,
      );
    }
    const key = await this.#imports.secret(secret);
    return { key, audiences: [SECRET_AUDIENCE, ...this.#audiences], untilMs: Number.POSITIVE_INFINITY };
  }

  async #keySource({ keyId }: TokenHead, token: string): Promise<KeySource> {
    if (!isKeyId(keyId)) throw malformed('has no usable "kid"; the thumbprint of a key is required');
    const audiences = this.#audiences;
    const own = this.#keys.find(keyId, this.#ports.clock.now());
    if (own) {
      const { retiresMs: untilMs = Number.POSITIVE_INFINITY } = own;
      return { key: await this.#imports.public(own.key.publicJwk), audiences, untilMs };
    }
    const issuer = readIssuer(token);
    const jwk = await this.#otherKey(issuer, keyId);
    if (!jwk) {
      const message = `the token's key ${keyId} is none of this node's, nor one that ${JSON.stringify(issuer?.slice(0, 64))} tells of`;
      throw new Failure("auth.token_key", message, { retryable: true });
    }
    return { key: await this.#imports.public(jwk), audiences, untilMs: Number.POSITIVE_INFINITY, issuer };
  }

  /** What was issued while no node ran names none; the key has to be known then. */
  async #otherKey(issuer: string | undefined, keyId: string): Promise<PublicJwk | undefined> {
    if (issuer === OFFLINE_ISSUER) return this.#others.anyKnown(keyId);
    return isName(issuer) ? this.#others.find(issuer, keyId) : undefined;
  }
}

interface KeySource {
  readonly key: CryptoKey;
  readonly audiences: readonly string[];
  /** The key is not believed after that. */
  readonly untilMs: number;
  /** Of a key that is another node's: it signs for itself alone. */
  readonly issuer?: string | undefined;
}

async function payloadOf(token: string, key: CryptoKey, algorithm: string): Promise<Uint8Array> {
  const { compactVerify } = await import("jose");
  try {
    return (await compactVerify(token, key, { algorithms: [algorithm] })).payload;
  } catch (thrown) {
    const isForged = (thrown as { code?: unknown }).code === "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"; // jose's errors carry one
    if (!isForged) throw malformed("is no signed JSON Web Token of ours", thrown);
    throw new Failure("auth.token_forged", "the token's signature is not that of the key that it names");
  }
}

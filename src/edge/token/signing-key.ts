/**
 * One Ed25519 key pair that signs API tokens. Its id is the thumbprint of the public half (RFC 7638), so it follows from the key
 * and nobody can give another key the same one. The private half never appears when printed or serialised.
 */
import { createHash, createPrivateKey } from "node:crypto";
import { Failure } from "../../base/errors.ts";
import type { Entropy } from "../../wire/auth/index.ts";

/** As RFC 8037 writes it, with what JWKS want. */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly kid: string;
  readonly alg: "EdDSA";
  readonly use: "sig";
}

/** An Ed25519 private key is its 32 random bytes (RFC 8032, section 5.1.5). */
const SEED_BYTES = 32;
/** What stands before them in PKCS #8 (RFC 8410). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const POINT = /^[\w-]{43}$/;
const KEY_ID = /^[\w-]{43}$/;

export class SigningKey {
  readonly id: string;
  readonly publicJwk: PublicJwk;
  readonly #seed: Buffer;

  /** Fails with `auth.key_weak` when the bytes are not 32 or are all the same. */
  constructor(seed: Uint8Array) {
    if (seed.length !== SEED_BYTES || seed.every((byte) => byte === seed[0])) {
      const found = seed.length === SEED_BYTES ? `the same byte ${SEED_BYTES} times` : `${seed.length} bytes`;
      throw new Failure("auth.key_weak", `an API key is ${found}; ${SEED_BYTES} random bytes are required`);
    }
    this.#seed = Buffer.from(seed);
    const der = Buffer.concat([PKCS8_HEAD, this.#seed]);
    const { x } = createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ format: "jwk" });
    this.publicJwk = publicJwkOf(x!); // an Ed25519 key has one
    this.id = this.publicJwk.kid;
  }

  static generate(entropy: Entropy): SigningKey {
    return new SigningKey(entropy(SEED_BYTES));
  }

  /** For the key file and for signing only. */
  reveal(): { readonly kty: "OKP"; readonly crv: "Ed25519"; readonly x: string; readonly d: string } {
    return { kty: "OKP", crv: "Ed25519", x: this.publicJwk.x, d: this.#seed.toString("base64url") };
  }

  toJSON(): { readonly id: string } {
    return { id: this.id };
  }
}

/** What another node says is a key of its; undefined when it is none, or bears an id that is not its own. */
export function readPublicJwk(value: unknown): PublicJwk | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kty, crv, x, kid } = value as Readonly<Record<string, unknown>>;
  if (kty !== "OKP" || crv !== "Ed25519" || typeof x !== "string" || !POINT.test(x)) return undefined;
  const jwk = publicJwkOf(x);
  return jwk.kid === kid ? jwk : undefined;
}

export function isKeyId(value: unknown): value is string {
  return typeof value === "string" && KEY_ID.test(value);
}

/** The members in this order and nothing else: what RFC 7638 hashes. */
function publicJwkOf(x: string): PublicJwk {
  const text = JSON.stringify({ crv: "Ed25519", kty: "OKP", x });
  const kid = createHash("sha256").update(text).digest("base64url");
  return { kty: "OKP", crv: "Ed25519", x, kid, alg: "EdDSA", use: "sig" };
}

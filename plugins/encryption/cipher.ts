/**
 * Encryption of single values: AES-256-GCM, written as `enc:v1:KEYID:base64url(nonce, ciphertext, tag)`.
 *
 * The nonce is synthetic: the first 96 bits of an HMAC-SHA-256, under a key of its own, over the field, the position and the
 * plaintext, each behind its length. A replay gives the same bytes; two different (field, position, plaintext) share a nonce
 * with a chance of 2^-96 a pair: below 2^-32 while one key has encrypted fewer than 2^32 values, which is its limit. Equal
 * inputs give equal outputs, and reveal no more than that. The position is what tells records apart: it must belong to the
 * record, not to its place in a batch, for places change when the engine cuts batches another way.
 *
 * Field and key id are authenticated: a value moved to another field does not decrypt.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Keys } from "./keys.ts";

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PREFIX = "enc:v1:";
const FORM = /^enc:v1:([A-Za-z0-9._-]{1,64}):([A-Za-z0-9_-]{38,})$/; // 28 bytes of nonce and tag at least

export class FieldCipher {
  readonly #keys: Keys;
  readonly #associated: Buffer;
  readonly #nonces: Bun.CryptoHasher;

  constructor(keys: Keys, field: string) {
    this.#keys = keys;
    this.#associated = framed(Buffer.from(field), Buffer.from(keys.id));
    this.#nonces = new Bun.CryptoHasher("sha256", keys.nonce).update(this.#associated); // copied for each value
  }

  encrypt(plaintext: Uint8Array, position: Uint8Array): string {
    const lengths = Buffer.allocUnsafe(8);
    lengths.writeUInt32BE(position.length, 0);
    lengths.writeUInt32BE(plaintext.length, 4);
    const nonce = this.#nonces
      .copy()
      .update(lengths)
      .update(position)
      .update(plaintext)
      .digest()
      .subarray(0, NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#keys.cipher, nonce);
    cipher.setAAD(this.#associated);
    const sealed = Buffer.allocUnsafe(NONCE_BYTES + plaintext.length + TAG_BYTES);
    sealed.set(nonce, 0);
    sealed.set(cipher.update(plaintext), NONCE_BYTES);
    cipher.final(); // GCM keeps nothing back
    sealed.set(cipher.getAuthTag(), NONCE_BYTES + plaintext.length);
    return `${PREFIX}${this.#keys.id}:${sealed.toString("base64url")}`;
  }

  /** Throws when the text was changed, cut, or encrypted for another field. */
  decrypt(payload: string): string {
    const bytes = Buffer.from(payload, "base64url");
    const tagFrom = bytes.length - TAG_BYTES;
    const decipher = createDecipheriv(ALGORITHM, this.#keys.cipher, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(this.#associated);
    decipher.setAuthTag(bytes.subarray(tagFrom));
    return decipher.update(bytes.subarray(NONCE_BYTES, tagFrom), undefined, "utf8") + decipher.final("utf8");
  }
}

/** The parts of an encrypted value, undefined when the text is none. */
export function parseEncrypted(text: string): { keyId: string; payload: string } | undefined {
  const match = FORM.exec(text);
  return match === null ? undefined : { keyId: match[1]!, payload: match[2]! };
}

/** Each part behind its length, so that no two lists of parts give the same bytes. */
export function framed(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.allocUnsafe(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    }),
  );
}

/**
 * Values that stand for values: hashes and encrypted texts, in the very forms of the encryption plugin, so that a pipeline can decrypt
 * what a gateway has encrypted. One key of 32 bytes; HKDF-SHA-256 makes one for each purpose from it.
 *
 * `enc:v1:KEYID:base64url(nonce, ciphertext, tag)`: AES-256-GCM over the value's JSON text, a random nonce, the field and the key's id
 * authenticated. `tok_…`: the first 128 bits of an HMAC-SHA-256 over field and JSON text: equal values, equal hashes.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import { Failure } from "../../../base/errors.ts";
import type { Entropy } from "../../../wire/auth/index.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HASH_BYTES = 16; // two of 2^48 values share one with a chance of 2^-33
/** 32 random bytes have fewer different values with a chance below 10^-40; a passphrase or zeros do. */
const DIFFERENT_BYTES_MIN = 12;

export interface MaskKeys {
  readonly id: string;
  readonly cipher: Buffer;
  readonly hash: Buffer;
  /** For nonces. */
  readonly entropy: Entropy;
}

/** The content of a key file: 32 bytes, raw or in hex or base64. Messages hold no byte of it. */
export function readMaskKey(content: Uint8Array, path: string, entropy: Entropy): MaskKeys {
  const secret = content.length === KEY_BYTES ? content : decodeKey(Buffer.from(content).toString("latin1").trim());
  if (secret === undefined || new Set(secret).size < DIFFERENT_BYTES_MIN) {
    const message = `reading the key ${path}: ${content.length} bytes that are no random key, ${KEY_BYTES} random bytes, raw or in hex or base64, are required`;
    throw new Failure("gateway.mask_key", message);
  }
  return {
    id: derive(secret, "key id", 4).toString("hex"),
    cipher: derive(secret, "aes-256-gcm", KEY_BYTES),
    hash: derive(secret, "token", KEY_BYTES),
    entropy,
  };
}

function decodeKey(text: string): Uint8Array | undefined {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, "hex");
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, "base64") : undefined;
}

function derive(secret: Uint8Array, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", `distributed_system encryption v1: ${purpose}`, length));
}

/** `json` is the value's JSON text. */
export function encryptValue(keys: MaskKeys, field: string, json: string): string {
  const nonce = keys.entropy(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", keys.cipher, nonce);
  cipher.setAAD(framed(Buffer.from(field), Buffer.from(keys.id)));
  const sealed = Buffer.concat([nonce, cipher.update(json, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `enc:v1:${keys.id}:${sealed.toString("base64url")}`;
}

/**
 * The JSON text behind `payload`, the part behind the key's id; undefined: it was changed or cut, or it is of another field or key. The id is as
 * it stands there, for the encryption plugin may have been given one.
 */
export function decryptValue(
  keys: Pick<MaskKeys, "cipher">,
  id: string,
  field: string,
  payload: string,
): string | undefined {
  const sealed = Buffer.from(payload, "base64url");
  const tagFrom = sealed.length - TAG_BYTES;
  if (tagFrom < NONCE_BYTES || sealed.toString("base64url") !== payload) return undefined;
  const options = { authTagLength: TAG_BYTES };
  const decipher = createDecipheriv("aes-256-gcm", keys.cipher, sealed.subarray(0, NONCE_BYTES), options);
  decipher.setAAD(framed(Buffer.from(field), Buffer.from(id)));
  decipher.setAuthTag(sealed.subarray(tagFrom));
  const json = decipher.update(sealed.subarray(NONCE_BYTES, tagFrom));
  try {
    decipher.final();
  } catch {
    return undefined; // the library says less, and nothing else can go wrong here
  }
  return json.toString("utf8");
}

export function hashValue(keys: MaskKeys, field: string, json: string): string {
  const hmac = createHmac("sha256", keys.hash)
    .update(framed(Buffer.from("field"), Buffer.from(field)))
    .update(json, "utf8");
  return `tok_${hmac.digest().subarray(0, HASH_BYTES).toString("base64url")}`;
}

/** Each part behind its length, so that no two lists of parts give the same bytes. */
function framed(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.allocUnsafe(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    }),
  );
}

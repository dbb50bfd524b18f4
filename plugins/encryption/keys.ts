/**
 * The key and what is derived from it. One 32-byte key comes from a file that only its owner can read, or from an environment
 * variable; HKDF-SHA-256 makes one key for each purpose from it, so that no key ever serves two. Refuses files that others can
 * read, keys of another length and keys that cannot be random. No message of this file holds key bytes.
 */
import { hkdfSync } from "node:crypto";
import { readFile, statFile } from "../common/files.ts";

const KEY_BYTES = 32;
/** A key in hex with blanks around it has some 70 bytes; a file beyond this is something else and is not read. */
const KEY_FILE_BYTES_MAX = 4096;
const OTHERS = 0o077; // any permission of group or others
/** 32 random bytes have fewer different values with a chance below 10^-40; a passphrase or zeros do. */
const DIFFERENT_BYTES_MIN = 12;
const ID_FORM = /^[A-Za-z0-9._-]{1,64}$/;
const VARIABLE_FORM = /^[A-Za-z_][A-Za-z0-9_]*$/;

export interface Keys {
  /** Stands in each encrypted value, so that the right key is found later. */
  readonly id: string;
  readonly cipher: Buffer;
  readonly nonce: Buffer;
  readonly token: Buffer;
}

/** `id` undefined gives the key's own fingerprint. */
export function deriveKeys(secret: Uint8Array, id: string | undefined): Keys {
  if (id !== undefined) checkKeyId(id);
  return {
    id: id ?? derive(secret, "key id", 4).toString("hex"),
    cipher: derive(secret, "aes-256-gcm", KEY_BYTES),
    nonce: derive(secret, "synthetic nonce", KEY_BYTES),
    token: derive(secret, "token", KEY_BYTES),
  };
}

export function checkKeyId(id: string): void {
  if (ID_FORM.test(id)) return;
  const shown = decodeKey(id) === undefined ? `"${id}"` : "what looks like a key"; // no key in a message
  throw new Error(`${shown} is not allowed; 1 to 64 letters, digits, dots, dashes or underscores are required`);
}

function derive(secret: Uint8Array, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", `distributed_system encryption v1: ${purpose}`, length));
}

export function readKeyFile(path: string): Uint8Array {
  const { mode, uid } = statFile("key file", path);
  if ((mode & OTHERS) !== 0) {
    throw new Error(
      `key file ${path} has mode 0${(mode & 0o777).toString(8)}; 0600 or stricter is required: chmod 600 it`,
    );
  }
  const own = process.getuid?.();
  if (own !== undefined && uid !== own && uid !== 0) {
    throw new Error(`key file ${path} belongs to user ${uid}; the user who runs this (${own}) or root is required`);
  }
  return parseKey(readFile("key file", path, KEY_FILE_BYTES_MAX), `key file ${path}`);
}

export function readKeyVariable(name: string): Uint8Array {
  if (!VARIABLE_FORM.test(name) || decodeKey(name) !== undefined)
    // it may be the key itself: not shown
    throw new Error("its value is no name of an environment variable; the name is required, not the key");
  const text = process.env[name];
  if (text === undefined || text === "")
    throw new Error(`environment variable ${name} is not set; it must hold the key in hex or base64`);
  return parseKey(Buffer.from(text), `environment variable ${name}`);
}

function parseKey(content: Uint8Array, where: string): Uint8Array {
  const key = content.length === KEY_BYTES ? content : decodeKey(Buffer.from(content).toString("latin1").trim());
  if (key === undefined || key.length !== KEY_BYTES) {
    throw new Error(
      `${where} holds ${content.length} bytes that are no key; ${KEY_BYTES} random bytes, raw or in hex or base64, are required`,
    );
  }
  if (new Set(key).size < DIFFERENT_BYTES_MIN) {
    throw new Error(`${where} holds a key that is not random; make one with: openssl rand -hex ${KEY_BYTES}`);
  }
  return key;
}

function decodeKey(text: string): Uint8Array | undefined {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, "hex");
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return Buffer.from(text, "base64"); // takes the URL alphabet too
  return undefined;
}

/**
 * How a sealed datagram lies in its bytes:
 *
 *     version 1 | key id 4 | session 16 | counter 8 | sealed: time 6, message … | tag 16
 *
 * AES-256-GCM. The nonce is the counter, the key belongs to the session (and to nobody else's), so no nonce is used twice.
 * What stands before the sealed part and the receiver's address are authenticated with it. Sizes and version are checked
 * before anything is computed.
 */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { KEY_ID_BYTES, PACKET_BYTES_MAX } from "./limits.ts";

const VERSION = 1;
const CIPHER = "aes-256-gcm";
export const SESSION_BYTES = 16;
const COUNTER_BYTES = 8;
const TAG_BYTES = 16;
const TIME_BYTES = 6;
const NONCE_BYTES = 12;
const SESSION_AT = 1 + KEY_ID_BYTES;
const COUNTER_AT = SESSION_AT + SESSION_BYTES;
const HEAD_BYTES = COUNTER_AT + COUNTER_BYTES;
const HALF = 2 ** 32;

/** What sealing adds to a message. */
export const SEAL_BYTES = HEAD_BYTES + TIME_BYTES + TAG_BYTES;

export interface PacketHead {
  /** Hexadecimal. */
  readonly keyId: string;
  /** Its bytes as a latin1 text, for maps. */
  readonly session: string;
  readonly counter: number;
}

export interface Opened {
  readonly timeMs: number;
  readonly bytes: Uint8Array;
}

/** HKDF-Expand of RFC 5869 for one block: the gossip key is a uniform one already. */
export function sessionKey(gossipKey: Uint8Array, session: Uint8Array): Buffer {
  return createHmac("sha256", gossipKey).update(session).update("session\u0001").digest();
}

export function packetOf(
  key: Uint8Array,
  head: { readonly keyId: string; readonly session: Uint8Array; readonly counter: number; readonly timeMs: number },
  message: Uint8Array,
  to: string,
): Buffer {
  const packet = Buffer.allocUnsafe(SEAL_BYTES + message.length);
  packet[0] = VERSION;
  packet.write(head.keyId, 1, "hex");
  packet.set(head.session, SESSION_AT);
  packet.writeUInt32BE(Math.floor(head.counter / HALF), COUNTER_AT);
  packet.writeUInt32BE(head.counter % HALF, COUNTER_AT + 4);
  const plain = Buffer.allocUnsafe(TIME_BYTES + message.length);
  plain.writeUIntBE(head.timeMs, 0, TIME_BYTES);
  plain.set(message, TIME_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonceOf(packet));
  cipher.setAAD(associated(packet, to));
  packet.set(cipher.update(plain), HEAD_BYTES);
  cipher.final();
  packet.set(cipher.getAuthTag(), packet.length - TAG_BYTES);
  return packet;
}

/** Undefined when it is no packet of this version: decided by length and first byte. */
export function looksSealed(packet: Uint8Array): "short" | "oversized" | "version" | undefined {
  if (packet.length < SEAL_BYTES) return "short";
  if (packet.length > PACKET_BYTES_MAX) return "oversized";
  return packet[0] === VERSION ? undefined : "version";
}

/** Of a packet that looks sealed. */
export function headOf(packet: Buffer): PacketHead {
  return {
    keyId: packet.toString("hex", 1, SESSION_AT),
    session: packet.toString("latin1", SESSION_AT, COUNTER_AT),
    counter: packet.readUInt32BE(COUNTER_AT) * HALF + packet.readUInt32BE(COUNTER_AT + 4),
  };
}

export function sessionOf(packet: Buffer): Uint8Array {
  return packet.subarray(SESSION_AT, COUNTER_AT);
}

/** Undefined when it was not sealed so under that key for that receiver. */
export function openPacket(key: Uint8Array, packet: Buffer, to: string): Opened | undefined {
  const decipher = createDecipheriv(CIPHER, key, nonceOf(packet));
  decipher.setAAD(associated(packet, to));
  decipher.setAuthTag(packet.subarray(packet.length - TAG_BYTES));
  const plain = decipher.update(packet.subarray(HEAD_BYTES, packet.length - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined; // the tag is wrong: that is what final() says by throwing
  }
  return { timeMs: plain.readUIntBE(0, TIME_BYTES), bytes: plain.subarray(TIME_BYTES) };
}

function nonceOf(packet: Buffer): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  packet.copy(nonce, NONCE_BYTES - COUNTER_BYTES, COUNTER_AT, HEAD_BYTES);
  return nonce;
}

function associated(packet: Buffer, to: string): Buffer {
  const address = Buffer.from(to);
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + address.length);
  packet.copy(bytes, 0, 0, HEAD_BYTES);
  bytes.set(address, HEAD_BYTES);
  return bytes;
}

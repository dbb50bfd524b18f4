/** The keys of the handshake (RFC 6455, 4.2.2): what proves that a server speaks WebSocket, and not something else that says 101. */
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{21}[AQgw]==$/;

/** The value of `sec-websocket-accept` for that `sec-websocket-key`. */
export function acceptOf(key: string): string {
  return createHash("sha1")
    .update(key + GUID)
    .digest("base64");
}

export function isKey(text: string): boolean {
  return KEY.test(text);
}

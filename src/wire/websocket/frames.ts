/** Frames of RFC 6455: their numbers, and how they are written. */
import { maskBytes } from "./mask.ts";

export const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** RFC 6455, 7.4.1, and its registry. */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  protocol: 1002,
  unsupported: 1003,
  /** Never sent: the other side gave none. */
  none: 1005,
  /** Never sent: the connection broke. */
  abnormal: 1006,
  badData: 1007,
  policy: 1008,
  tooBig: 1009,
  internal: 1011,
  badGateway: 1014,
} as const;

const FINAL = 0x80;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** One whole frame. `mask`: four random bytes of a client; undefined: of a server. The payload is copied. */
export function writeFrame(
  opcode: number,
  payload: Uint8Array,
  mask: Uint8Array | undefined,
  isFinal = true,
): Uint8Array {
  const { length } = payload;
  const lengthBytes = length < LENGTH_16 ? 0 : length < 65_536 ? 2 : 8;
  const head = 2 + lengthBytes + (mask === undefined ? 0 : 4);
  const frame = new Uint8Array(head + length);
  frame[0] = (isFinal ? FINAL : 0) | opcode;
  frame[1] =
    (mask === undefined ? 0 : MASKED) | (lengthBytes === 0 ? length : lengthBytes === 2 ? LENGTH_16 : LENGTH_64);
  writeLength(frame, length, lengthBytes);
  frame.set(payload, head);
  if (mask === undefined) return frame;
  frame.set(mask, head - 4);
  maskBytes(frame, head, frame.length, mask, 0);
  return frame;
}

function writeLength(frame: Uint8Array, length: number, bytes: number): void {
  let left = length;
  for (let at = 1 + bytes; at >= 2; at--) {
    frame[at] = left % 256;
    left = Math.floor(left / 256);
  }
}

/** Which codes may be sent: those of the standards and those for free use; none that only say what was not sent. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== CLOSE.none && code !== CLOSE.abnormal;
}

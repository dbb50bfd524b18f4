/** How the bytes of a text are to be read. */
import { isUtf8 } from "node:buffer";
import type { InTurns } from "../../../base/turns.ts";

export type TextCoding = "utf8" | "latin1";

const CHARACTER_BYTES_MAX = 4;
/** Bytes that are looked at in one step. */
const LOOKED_AT_ONCE = 1024 * 1024;

/** Of a text in pieces, cut anywhere. What is no UTF-8 is read byte by byte: patterns are ASCII, and the rest stays as it is. */
export function* codingOf(pieces: readonly Uint8Array[]): InTurns<TextCoding> {
  /** The beginning of a character that is cut in two. */
  let cut: Uint8Array = new Uint8Array(0);
  for (const piece of pieces)
    for (let at = 0; at < piece.byteLength; at += LOOKED_AT_ONCE) {
      let bytes = piece.subarray(at, at + LOOKED_AT_ONCE);
      if (cut.byteLength > 0) {
        const missing = lengthOf(cut[0]!) - cut.byteLength;
        cut = Buffer.concat([cut, bytes.subarray(0, missing)]);
        bytes = bytes.subarray(missing);
        if (cut.byteLength < lengthOf(cut[0]!)) continue;
        if (!isUtf8(cut)) return "latin1";
      }
      const end = wholeCharacters(bytes);
      if (!isUtf8(bytes.subarray(0, end))) return "latin1";
      cut = bytes.subarray(end);
      yield;
    }
  return cut.byteLength === 0 ? "utf8" : "latin1";
}

/** Of a character that begins with this byte. */
function lengthOf(first: number): number {
  return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
}

/** Where the last character begins that goes on behind the end; the end where none does. */
function wholeCharacters(bytes: Uint8Array): number {
  const { byteLength } = bytes;
  for (let back = 1; back < CHARACTER_BYTES_MAX && back <= byteLength; back++) {
    const byte = bytes[byteLength - back]!;
    if (byte < 0x80) return byteLength;
    if (byte >= 0xc0) return lengthOf(byte) > back ? byteLength - back : byteLength;
  }
  return byteLength;
}

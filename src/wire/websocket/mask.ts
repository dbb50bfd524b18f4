/** The mask of RFC 6455, 5.3: each byte XOR one of four. In place, and four bytes at a time where they lie right. */

/** Below it the words are not worth finding. */
const WORDS_FROM = 64;

/** `phase`: how many bytes of the payload came before `from`. */
export function maskBytes(bytes: Uint8Array, from: number, to: number, mask: Uint8Array, phase: number): void {
  let at = from;
  let turn = phase;
  if (to - from >= WORDS_FROM) {
    for (; (bytes.byteOffset + at) % 4 !== 0; at++) bytes[at]! ^= mask[turn++ & 3]!;
    const words = (to - at) >>> 2;
    maskWords(new Int32Array(bytes.buffer, bytes.byteOffset + at, words), mask, turn);
    at += words * 4;
  }
  for (; at < to; at++) bytes[at]! ^= mask[turn++ & 3]!;
}

function maskWords(words: Int32Array, mask: Uint8Array, turn: number): void {
  const turned = Uint8Array.of(mask[turn & 3]!, mask[(turn + 1) & 3]!, mask[(turn + 2) & 3]!, mask[(turn + 3) & 3]!);
  const word = new Int32Array(turned.buffer)[0]!;
  for (let at = 0; at < words.length; at++) words[at]! ^= word;
}

/** Little helpers over bytes: whole numbers of up to 53 bits, CRC-32, zeros. Everything on disk is little-endian. */

const WORD = 2 ** 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function putWhole(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % WORD, true);
  view.setUint32(at + 4, Math.floor(value / WORD), true);
}

/** NaN for what no whole number of ours can be: whoever compares it refuses it. */
export function getWhole(view: DataView, at: number): number {
  const value = view.getUint32(at + 4, true) * WORD + view.getUint32(at, true);
  return value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN;
}

/**
 * CRC-32 (zlib's): it finds every single flipped bit, every two within a record and every burst of up to 32, which a hash finds only
 * very likely; it runs at 50 GB/s here, is a number and no BigInt, and any language can check our files.
 */
export function checksumOf(bytes: Uint8Array): number {
  return Bun.hash.crc32(bytes);
}

export function isZero(bytes: Uint8Array): boolean {
  return lastNonZero(bytes) < 0;
}

/** -1 when there is none. Whole words first: this runs over the unused rest of a segment at each start. */
export function lastNonZero(bytes: Uint8Array): number {
  let at = bytes.length - 1;
  while (at >= 0 && (bytes.byteOffset + at + 1) % 8 !== 0 && bytes[at] === 0) at--;
  if (at < 0 || bytes[at] !== 0) return at;
  const start = (8 - (bytes.byteOffset % 8)) % 8;
  const words = new Float64Array(bytes.buffer, bytes.byteOffset + start, Math.max(0, Math.floor((at + 1 - start) / 8)));
  let word = words.length - 1;
  while (word >= 0 && Object.is(words[word], 0)) word--;
  at = word < 0 ? start - 1 : start + word * 8 + 7;
  while (at >= 0 && bytes[at] === 0) at--;
  return at;
}

export function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Throws when it is no UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/**
 * A hash of a pair of texts, the same on every machine and in every version: which node owns a key must not depend on who
 * asks. FNV-1a over UTF-16 units, then Murmur's finaliser, twice for 53 bits. For spreading only: not against an enemy.
 */
const FNV_PRIME = 0x01000193;
const FNV_BASIS = 0x811c9dc5;
/** Another start and another odd multiplier (Murmur's) give an independent second half. */
const SECOND_BASIS = 0x9747b28c;
const SECOND_PRIME = 0x5bd1e995;

export interface TextHash {
  readonly high: number;
  readonly low: number;
}

export function hashText(text: string): TextHash {
  let high = FNV_BASIS;
  let low = SECOND_BASIS;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    high = Math.imul(high ^ unit, FNV_PRIME);
    low = Math.imul(low ^ unit, SECOND_PRIME);
  }
  return { high: finalise(high ^ text.length), low: finalise(low + text.length) };
}

/** A number above 0 and below 1, evenly spread over all pairs. */
export function pairFraction(left: TextHash, right: TextHash): number {
  const high = finalise(left.high ^ finalise(right.high + FNV_BASIS)) >>> 5;
  const low = finalise(left.low ^ finalise(right.low + SECOND_BASIS)) >>> 6;
  return (high * 2 ** 26 + low + 0.5) / 2 ** 53;
}

function finalise(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

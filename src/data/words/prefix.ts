/** Keys go by UTF-16 code units, as texts compare in this language: everything but U+10000 and above stands as in UTF-8. */

const LAST = 0xffff;
const BEFORE_SURROGATES = 0xd7ff;
const ASTRAL_FIRST = 0x10000;
const ASTRAL_LAST = 0x10ffff;
const BEHIND_SURROGATES = 0xe000;

/**
 * The first key behind all that begin with the prefix: a range ends before it. Undefined where nothing is behind them. Never half of
 * a surrogate pair: that would not survive the wire.
 */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0)!); // of a char there is one
  while (points.length > 0) {
    const next = successor(points.pop()!); // there is one
    if (next !== undefined) return String.fromCodePoint(...points, next);
  }
  return undefined;
}

/** In the order of code units, where characters of two units stand between U+D7FF and U+E000. */
function successor(point: number): number | undefined {
  if (point === LAST) return undefined;
  if (point === BEFORE_SURROGATES) return ASTRAL_FIRST;
  return point === ASTRAL_LAST ? BEHIND_SURROGATES : point + 1;
}

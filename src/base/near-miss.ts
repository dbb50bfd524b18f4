/**
 * "Did you mean …?": the one allowed word that begins as written, else the nearest by edits (Damerau's distance,
 * transpositions count once), case aside. Says nothing when no word is near: a wrong guess is worse than none.
 */
const WORD_LENGTH_MAX = 64; // longer texts are no mistyped words, and the table below is quadratic
const PREFIX_LENGTH_MIN = 3; // shorter beginnings are chance

export function nearMiss(written: string, allowed: readonly string[] | ReadonlySet<string>): string | undefined {
  if (written.length === 0 || written.length > WORD_LENGTH_MAX) return undefined;
  const word = normalise(written);
  const begun = [...allowed].filter((candidate) => normalise(candidate).startsWith(word));
  if (word.length >= PREFIX_LENGTH_MIN && begun.length === 1) return begun[0];
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of allowed) {
    if (candidate.length > WORD_LENGTH_MAX) continue;
    const distance = editDistance(word, normalise(candidate));
    const tolerated = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (distance <= tolerated && distance < Math.min(bestDistance, candidate.length)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function normalise(word: string): string {
  return word.toLowerCase().replaceAll("-", "_");
}

function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length]!;
}

/**
 * Work that can be laid down: it yields after some thousands of characters, and whoever runs it looks at the time and lets others go first.
 * What is small is run at once, without a promise.
 */
export type Turns<Result> = Generator<undefined, Result, undefined>;

/** Characters between two yields: some tenths of a millisecond. */
export const PACE = 32 * 1024;
/** What one hidden value counts for in characters: encrypting it takes some microseconds. */
export const HIT_PACE = 512;

export function atOnce<Result>(turns: Turns<Result>): Result {
  for (;;) {
    const { done, value } = turns.next();
    if (done) return value;
  }
}

/** How often work on long texts yields, so that others can run in between; whoever runs it looks at the time. */

/** Characters between two yields: some tenths of a millisecond. */
export const PACE = 32 * 1024;
/** What one hidden value counts for in characters: encrypting it takes some microseconds. */
export const HIT_PACE = 512;

/** What the masks of a route have counted. */
export interface MaskCounts {
  /** Values hidden, in bodies, queries and streams. */
  masked: number;
  /** Requests and replies that were refused because they could not be looked into. */
  refused: number;
}

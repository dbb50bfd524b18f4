/** Work for a body that has begun, as whoever waits for it sees it. */
export interface MaskJob {
  /** Nobody wants it any more: it is not told of its end. */
  cancel(): void;
}

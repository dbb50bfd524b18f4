/** Limits for those who have no opinion. */
import type { Http2Limits } from "./words.ts";

export const defaultHttp2Limits: Http2Limits = {
  /** What nginx and most others take; browsers and gRPC clients open further connections or wait. */
  streamsMax: 128,
  /** What a stream can make us keep whose reader never began: what nginx takes of a body before somebody wants it. */
  streamWindowBytes: 64 * 1024,
  /** In flight on one stream whose reader keeps up: 10 MB/s at 50 ms. */
  streamWindowBytesMax: 512 * 1024,
  /** Nine streams with the largest window; more of them share 80 MB/s at 50 ms. */
  grownBytesMax: 4 * 1024 * 1024,
  /** The same, for all of them together. */
  connectionWindowBytes: 4 * 1024 * 1024,
  /** A hundred streams that nobody reads, as many as servers commonly allow. */
  heldBytesMax: 8 * 1024 * 1024,
  headerListBytesMax: 64 * 1024,
  headersMax: 200,
  targetBytesMax: 16 * 1024,
};

/** One value. Larger things are streams, which need no memory for the whole. */
export const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;
/** Nested arrays and maps of a value: far more than data of people has, far less than a stack holds. */
export const DEPTH_MAX = 64;
/** Elements of arrays and maps in one frame or value: an empty one takes a byte on the wire and fifty in memory. */
export const ELEMENTS_MAX = 2_000_000;

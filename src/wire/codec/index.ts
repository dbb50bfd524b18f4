/** Plain data to bytes and back: strict MessagePack. */
export { Decoder, Undecodable } from "./decoder.ts";
export { byteLengthOf, Encoder, type Message } from "./encoder.ts";
export { malformed, tooLarge } from "./failures.ts";
export { DEPTH_MAX, ELEMENTS_MAX, PAYLOAD_BYTES_MAX } from "./limits.ts";

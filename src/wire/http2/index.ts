/** HTTP/2 (RFC 9113) with HPACK (RFC 7541): a connection as a machine, for both sides. */
export { Http2Connection } from "./connection.ts";
export { defaultHttp2Limits } from "./defaults.ts";
export { checkFields, checkValue, faultOfFields } from "./fields-check.ts";
export { HpackDecoder } from "./hpack/decoder.ts";
export { HpackEncoder } from "./hpack/encoder.ts";
export { IncomingBody, type IncomingOwner } from "./incoming-body.ts";
export { Output } from "./output.ts";
export type { Http2Stream } from "./stream.ts";
export { ERROR, type Http2Handler, type Http2Limits } from "./words.ts";

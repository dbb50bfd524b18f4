/** HTTP messages: their words, whatever version carries them. */

export { BytesSource, type Gathered, GatheringSink, gather, NO_BODY } from "./bodies.ts";
export { faultInChunks } from "./body-reader.ts";
export { isAuthority, isOriginForm, isToken, TOKEN, VALUE } from "./characters.ts";
export { HttpFault } from "./fault.ts";
export type { HeadLimits } from "./field-lines.ts";
export { CHUNKED, UNTIL_CLOSE } from "./framing.ts";
export {
  HeadWriter,
  NO_LENGTH,
  type ReplyFraming,
  type RequestFraming,
  type RequestLine,
} from "./head-writer.ts";
export { headerOf, headersOf, withHeader, withoutHeader } from "./headers.ts";
export { heldBytes } from "./held-bytes.ts";
export { KeptBytes } from "./kept-bytes.ts";
export { CancelHearingSink, PassingSink } from "./passing-sink.ts";
export { reasonOf } from "./reasons.ts";
export { type ReplyEvents, ReplyReader } from "./reply-reader.ts";
export { type RequestEvents, RequestReader } from "./request-reader.ts";
export { isTrailerName } from "./trailers.ts";
export type {
  BodySink,
  BodySource,
  HeaderList,
  HttpVersion,
  RawStream,
  ReplyHead,
  RequestHead,
} from "./words.ts";

/** Protocol Buffers and gRPC at run time: descriptors, canonical JSON, HTTP rules, framing, status. */

// Descriptors
export { DescriptorStore } from "./descriptor-store.ts";
// JSON
export { setField } from "./fields.ts";
// gRPC
export {
  ACCEPTED_ENCODINGS,
  encodingOf,
  FRAME_HEAD_BYTES,
  type FrameLimits,
  FrameReader,
  frameMessage,
  type MessageEncoding,
} from "./grpc-frame.ts";
export {
  codeOf,
  codeOfApiReply,
  codeOfForeignReply,
  decodeStatusMessage,
  encodeBinaryField,
  encodeStatusMessage,
  type GrpcStatus,
  httpOfCode,
  jsonOfStatus,
  nameOfCode,
  type StatusName,
  statusOfTrailers,
  trailersOfStatus,
} from "./grpc-status.ts";
export { formatTimeout, parseTimeout } from "./grpc-timeout.ts";
export { Base64Reader, encodeBase64, trailersFrame } from "./grpc-web.ts";
export type { HttpRules } from "./http-rules.ts";
export {
  binaryOf,
  type JsonObject,
  type JsonReading,
  type JsonValue,
  jsonOfField,
  jsonOfMessage,
  messageOfBinary,
  messageOfJson,
  messageOfJsonInTurns,
  messageOfJsonValue,
  parseJson,
  unknownNumbers,
} from "./json.ts";
export { elementsOfJson, membersOfJson } from "./json-pieces.ts";
export { loadDescriptors, readDescriptorFile } from "./load.ts";
export type { GrpcMethod, HttpRule } from "./methods.ts";
export { type RuleFaults, ruleFaultsOf } from "./rule-faults.ts";
// Messages as HTTP requests
export { type RuleRequest, requestOfMessage } from "./rule-request.ts";
export { isEmptyMessage, isSameMessage } from "./same-message.ts";
// Messages of reflection and health
export {
  decodeHealthRequest,
  decodeReflectionReply,
  decodeReflectionRequest,
  encodeHealthReply,
  encodeReflectionReply,
  encodeReflectionRequest,
  NOT_SERVING,
  type ReflectionReply,
  type ReflectionRequest,
  SERVICE_UNKNOWN,
  SERVING,
} from "./service-messages.ts";

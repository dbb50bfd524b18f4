/** Service contracts: what can be asked, and the ways to ask and to answer. */
export { type Caller, mayCall } from "./caller.ts";
export {
  type CallOptions,
  CLIENT_TIMEOUT_MS,
  type Client,
  createClient,
  type OutgoingCall,
  type Transport,
} from "./client.ts";
export {
  type Access,
  type Contract,
  defineContract,
  type InputOf,
  type Method,
  type Methods,
  type OutputOf,
} from "./contract.ts";
export { type Call, Dispatcher, type DispatcherOptions, type Reply } from "./dispatcher.ts";
export { type Fault, statusOf } from "./failures.ts";
export { type BodyLimits, readBody, requireUncompressed } from "./http-body.ts";
export {
  answerService,
  askedOf,
  type CallHandler,
  type CallInfo,
  type CallPorts,
  callHandler,
  DEADLINE_HEADER,
  type ServiceAnswerPorts,
  type ServiceAsker,
  type ServiceQuestion,
  VERSION_HEADER,
} from "./http-call.ts";
export { httpTransport, type Send, unixSend, unixTransport } from "./http-client.ts";
export { chosenListing, type HttpServerOptions, RPC_PATH, serveContracts } from "./http-server.ts";
export type { Connection } from "./http-stream.ts";
export { JSON_DEPTH_MAX, type ScanLimits, type ScannedJson, scanJson } from "./json-scan.ts";
export {
  BODY_TIMEOUT_MS,
  CALLS_MAX,
  CONTRACT_VALUES_MAX,
  REQUEST_BYTES_MAX,
  RESPONSE_BYTES_MAX,
  SERVICE_VALUES_MAX,
  TIMEOUT_MS_DEFAULT,
  TIMEOUT_MS_MAX,
} from "./limits.ts";
export { type ContractListing, listContracts, listMethod, type MethodListing } from "./listing.ts";
export {
  answerBytes,
  jsonBody,
  jsonResponse,
  PROBLEM_TYPE,
  type Problem,
  problemOf,
  problemResponse,
  SAFE_HEADERS,
} from "./problem.ts";
export { type CallContext, type Implementation, implement, type Service } from "./service.ts";
export { outsideCaller, type ServicesCall, type ServicesCaller, type ServicesPort } from "./services-port.ts";
export { TRACEPARENT_HEADER, traceparentOf } from "./trace.ts";

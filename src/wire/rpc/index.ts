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
export type { Fault } from "./failures.ts";
export { httpTransport, type Send, unixTransport } from "./http-client.ts";
export { DEADLINE_HEADER, type HttpServerOptions, RPC_PATH, serveContracts, VERSION_HEADER } from "./http-server.ts";
export { BODY_TIMEOUT_MS, CALLS_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, TIMEOUT_MS_MAX } from "./limits.ts";
export { type ContractListing, listContracts, type MethodListing } from "./listing.ts";
export { type CallContext, type Implementation, implement, type Service } from "./service.ts";

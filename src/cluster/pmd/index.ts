/** The port mapper of a host: which node listens where. Works alone, without a cluster. */
export { PmdClient, type PmdClientOptions } from "./client.ts";
export { NOT_RUNNING } from "./connection.ts";
export { type EndReason, type PmdMethods, type PmdStatus, pmdContract, type Registration } from "./contract.ts";
export {
  callAudience,
  IDENTITY_PATH,
  NONCE_HEADER,
  type PmdAuth,
  type PmdIdentity,
  PROOF_HEADER,
  proofAudience,
  WATCH_PATH,
} from "./identity.ts";
export { PMD_HOST, PMD_PORT_DEFAULT, TTL_MS_DEFAULT, TTL_MS_MAX, TTL_MS_MIN } from "./limits.ts";
export type { LeaveReason, Peer, PeerChange, PeerListing } from "./peer.ts";
export type { PeerListener, PeerWatch } from "./peer-watch.ts";
export type { Registered } from "./registered.ts";
export { type PmdServer, type PmdServerOptions, startPmdServer } from "./server.ts";

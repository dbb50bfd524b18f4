/** Links between nodes: who they are, what is said on them, and one link for each peer. */
export { PAYLOAD_BYTES_MAX } from "../codec/index.ts";
export { type ConnectOptions, connectLink } from "./connect.ts";
export { audienceOf, LINK_PATH, LINK_VERSION } from "./hello.ts";
export {
  BEAT_INTERVAL_MS,
  BEATS_MISSED_MAX,
  FRAME_BYTES_MAX,
  LINK_LIMITS,
  type LinkLimits,
  REQUEST_TIMEOUT_MS,
  STREAM_WINDOW_BYTES,
} from "./limits.ts";
export type { Link } from "./link.ts";
export { type GetOptions, LinkPool, type LinkPoolOptions } from "./pool.ts";
export { type LinkTarget, linkTransport, RPC_TOPIC, rpcHandler } from "./rpc.ts";
export { type LinkServer, type LinkSocketData, type ServeCounts, type ServeOptions, serveLinks } from "./serve.ts";
export type {
  ByteStream,
  LinkAddress,
  LinkAuth,
  LinkCounts,
  LinkEnd,
  LinkHandlers,
  LinkHooks,
  LinkIdentity,
  LinkPeer,
  LinkRuntime,
  LinkSelf,
  MessageContext,
  NotifyOptions,
  PeerLink,
  RequestContext,
  RequestOptions,
  StreamOptions,
  TopicHandler,
} from "./types.ts";

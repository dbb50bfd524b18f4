/** Every bound of connections to upstreams and of choosing among them, with its reason. */

/** Bounds of the pools; a gateway may be given others. */
export interface UpstreamLimits {
  /** To one origin at once. */
  readonly connectionsPerOriginMax: number;
  /** Kept open to one origin while nothing is asked. */
  readonly idlePerOriginMax: number;
  /** Requests that wait for a connection to one origin. */
  readonly waitingPerOriginMax: number;
  /** A connection without a request for longer is closed. */
  readonly idleMs: number;
  /** Origins with connections or waiting requests: of the gateway file, and of dynamic targets. */
  readonly originsMax: number;
  readonly dynamicOriginsMax: number;
  /** Of a reply's head. */
  readonly headBytesMax: number;
  readonly headersMax: number;
}

export const defaultUpstreamLimits: UpstreamLimits = {
  // Far more than a healthy upstream needs at once, and well below the 65,535 ports towards one address.
  connectionsPerOriginMax: 4_096,
  // As many as a burst leaves behind; more only hold memory on both sides.
  idlePerOriginMax: 256,
  // As many again as can be under way: beyond it an upstream is not slow but down.
  waitingPerOriginMax: 4_096,
  // Below the 5 s after which a plain node:http server closes its idle ones: a race lost costs a retry.
  idleMs: 4_000,
  // More than any gateway file names.
  originsMax: 4_096,
  // Dynamic targets make origins out of what clients send: whoever invents names must not take the places of the others.
  dynamicOriginsMax: 4_096,
  // What nginx allows for one header is 8 KiB; cookies and policies of real replies need more.
  headBytesMax: 64 * 1_024,
  headersMax: 256,
};

/** A socket that holds more than this unsent says so: about what a fast network takes in a few milliseconds. */
export const SOCKET_WAITING_BYTES = 256 * 1_024;

/** After its end a connection has this long to take what still waits: longer than a network hiccup, and nobody waits for it any more. */
export const ENDING_SECONDS = 16;

/** Addresses of one name that are tried; more only lengthen the failure. */
export const ADDRESSES_MAX = 8;
/** The next address is tried this long after the one before, if that has not answered (RFC 8305 says 250). */
export const ATTEMPT_DELAY_MS = 250;

/** Names whose addresses are remembered; fewer can be looked up at once, so that one that is known can always go. */
export const NAMES_MAX = 1_024;
/** Names that are looked up at once: more than a gateway file names, and few for a name server that is silent. */
export const LOOKUPS_MAX = 512;
/** Of these, names out of what clients send: they must leave room for the others. */
export const DYNAMIC_LOOKUPS_MAX = 256;
/** Answers are kept as long as they say, within these: less would ask for every burst, more would hide a failover. */
export const TTL_MS_MIN = 1_000;
export const TTL_MS_MAX = 30_000;
/** Names that do not exist: a typo must not ask the server with each request. */
export const TTL_MS_FAILED = 1_000;

/** A body kept for sending it again, or for a mirror: most calls that can be repeated are smaller. */
export const KEPT_BODY_BYTES_MAX = 64 * 1_024;
/** Pieces of it: each costs far more memory than its bytes when a client sends them one by one. */
export const KEPT_PIECES_MAX = 1_024;
/** Copies under way for one route: a slow mirror must not hold memory without end. */
export const MIRRORS_MAX = 128;
/** A mirror may take so long at most. */
export const MIRROR_TOTAL_MS = 30_000;

/** Of a mirror's reply: it is thrown away, and read only so that the connection lives. */
export const MIRROR_REPLY_BYTES_MAX = 1_024 * 1_024;

/** Retries in any case, however few requests there are: a route with one request a minute is to be retried as well. */
export const BUDGET_RESERVE = 10;
export const BUDGET_WINDOW_MS = 10_000;

/** Of one target that its breaker keeps back, where no other one can be asked and its health checks pass: few enough to bring no one down. */
export const LAST_RESORT_MAX = 32;

/** Of a health check's reply. */
export const HEALTH_BODY_BYTES_MAX = 4_096;

/** Bounds of a gateway file and the defaults that guard a gateway; each with its reason. */
const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Some thousands are what large sites have; each costs memory for its targets. */
export const MAX_ROUTES = 10_000;

/** Each is looked at for every request of its routes. */
export const MAX_GUARDS = 256;

/** Pieces of a pattern's path: the tree of routes is walked as deep. */
export const MAX_PIECES = 64;

/** Targets of one route; larger sets are what names with several addresses are for. */
export const MAX_TARGETS = 64;

/** What nginx takes with its default of four buffers of 8 KiB, and Node.js; browsers' cookies fit. */
export const HEADER_BYTES_DEFAULT = 32 * KIB;
export const HEADERS_DEFAULT = 100;
export const TARGET_BYTES_DEFAULT = 8 * KIB;

/** A client on a bad mobile network sends a head in seconds; who takes longer holds a connection on purpose. */
export const HEAD_TIMEOUT_DEFAULT = 10 * SECOND;
export const BODY_IDLE_DEFAULT = 30 * SECOND;

/** Slower than an old modem by half: slow readers and writers are no people. */
export const BYTES_PER_SECOND_DEFAULT = 128;

export const KEEP_ALIVE_DEFAULT = 60 * SECOND;

/** Sockets outlive a working day, and what nobody ends is not kept for ever. */
export const RELOAD_DRAIN_DEFAULT = 24 * 60 * MINUTE;

/** nginx's default is 1,000; more costs nothing here, yet a connection shall not live for ever. */
export const REQUESTS_PER_CONNECTION_DEFAULT = 100_000;

/** Each costs a descriptor and some KiB. */
export const CONNECTIONS_DEFAULT = 10_000;
export const CONNECTIONS_PER_ADDRESS_DEFAULT = 1_000;

/** What HTTP/2 asks to allow at least. */
export const STREAMS_DEFAULT = 100;

/** What a body may grow to when it is looked into; JSON compresses to a tenth, seldom more. */
export const INFLATED_BYTES_DEFAULT = 16 * MIB;
export const INFLATE_RATIO_DEFAULT = 100;
export const MESSAGE_BYTES_DEFAULT = 4 * MIB;

/** nginx's proxy_read_timeout. */
export const TIMEOUT_DEFAULT = MINUTE;
export const CONNECT_TIMEOUT_DEFAULT = 5 * SECOND;
export const HEALTH_TIMEOUT_DEFAULT = 2 * SECOND;

/** A change of the file is seen by every page after this; a preflight every ten minutes costs nothing. */
export const CORS_MAX_AGE_DEFAULT = 10 * MINUTE;

/** A decision is worth 0.2 ms; who takes a hundred times as long stalls others. */
export const RULE_TIMEOUT_DEFAULT = 50;

/** The Core Rule Set's recommended limits are of this size; a body beyond is refused. */
export const WAF_BODY_DEFAULT = 128 * KIB;
export const WAF_REPLY_DEFAULT = 512 * KIB;

/** A key costs about 100 bytes: at most 100 MB for each limit, however many clients come. */
export const LIMIT_KEYS_DEFAULT = 100_000;
export const LIMIT_KEYS_MAX = 1_000_000;

/** The bounds of the conversions, each with its reason. */

/** What waits for a reader that is not ready: after this much a pipe says so; what one write brings more is still taken. */
export const PIPE_BYTES_MAX = 64 * 1024;

/** Requests of one WebSocket client under way at once: a browser's HTTP/2 connection has 100 streams. */
export const SOCKET_REQUESTS_MAX = 100;

/** The body of a reply that travels in one message, before base64. */
export const SOCKET_REPLY_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Of requests and replies that one socket keeps in memory. Above it only the oldest reply is read on, and no further message: the most is this,
 * one reply, and a piece of each other one.
 */
export const SOCKET_HELD_BYTES_MAX = 8 * 1024 * 1024;

/** How long the other side may take to answer a close: a word on a connection that is there. */
export const CLOSE_WAIT_MS = 5_000;

/** An id that a client gives its message: whatever is longer is no id. */
export const ID_CHARS_MAX = 256;

/** Messages of a WebSocket upstream that are not the answer, while one is waited for: a chatty socket must not hold a request for ever. */
export const FOREIGN_MESSAGES_MAX = 10_000;

/** Descriptors that could not be fetched are asked for again after this long, not by every request. */
export const REFLECTION_RETRY_MS = 1000;

/** How long reflection may take: it stands before somebody's request. */
export const REFLECTION_TIMEOUT_MS = 10_000;

/** Of one message of reflection: the largest files of descriptors have some megabytes. */
export const REFLECTION_MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** Requests that wait for descriptors; what comes after is refused at once. */
export const REFLECTION_WAITERS_MAX = 1000;

/** Files that reflection may give. */
export const REFLECTION_FILES_MAX = 8192;

/** Descriptors that were fetched are fetched again for an unknown method no sooner than after this: clients may ask for nonsense all day. */
export const REFLECTION_REFRESH_MS = 10_000;

/** Of a request to reflection or health: a few names. */
export const OWN_MESSAGE_BYTES_MAX = 64 * 1024;

/** Of an upstream's page about its error: what of it could be told is short. */
export const ERROR_TEXT_BYTES_MAX = 64 * 1024;

/** Watchers of health at the root, of all clients: each is a stream for as long as its client likes. */
export const HEALTH_WATCHERS_MAX = 1024;

/** The same, of one client: a program watches each of its services once for each of its connections. */
export const HEALTH_WATCHERS_PER_CLIENT_MAX = 64;

/**
 * Bytes of `max_message` for each value (a member of an object, or eight elements of lists) that a client's JSON may hold at most: 131,072 values at
 * 4 MiB. JSON of real records, and of vectors of numbers, has fewer in a body of that size; the shortest there are would be 500,000 in it, and take a second.
 */
const BYTES_PER_VALUE = 32;
/** As many are never too many, however short messages have to be. */
const VALUES_ALWAYS = 4096;

export function valuesMaxOf(messageBytesMax: number): number {
  return Math.max(VALUES_ALWAYS, Math.ceil(messageBytesMax / BYTES_PER_VALUE));
}

/** What is converted without a turn of its own, within so many milliseconds for one client: most messages there are. */
export const AT_ONCE_BYTES = 32 * 1024;
export const AT_ONCE_MS = 10;
/** What a message costs beside its bytes. */
export const MESSAGE_COST_BYTES = 64;

/** Of a conversion that takes long, between two looks at the sockets. */
export const SLICE_MS = 5;

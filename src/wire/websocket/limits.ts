/** How much of everything on a WebSocket: each limit with its reason. */

/** Pieces of one message. Whoever cuts a message into more wants to cost us something: each piece is an object here. */
export const FRAGMENTS_MAX = 1024;
/** Of a ping, a pong or a close (RFC 6455, 5.5). */
export const CONTROL_BYTES_MAX = 125;
/** Of a message, for those who have no opinion. */
export const MESSAGE_BYTES_MAX = 1024 * 1024;
/** A close has two bytes for its code; the rest is its reason. */
export const REASON_BYTES_MAX = CONTROL_BYTES_MAX - 2;

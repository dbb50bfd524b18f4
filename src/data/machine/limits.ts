/** How much the state machine keeps besides what the structures hold: each bound with its reason. */

/** Silence, on the group's clock, after which a session ends: a client that comes and goes leaves nothing behind for long. */
export const SESSION_SILENCE_MS = 60 * 60_000;
/** Processes, and calls of the command line within the shortest silence, that one group serves. */
export const SESSIONS_MAX = 100_000;
/** Of the stored answers of one session; older ones go first, and are known as applied, but no more by their words. */
export const SESSION_ANSWERS_BYTES_MAX = 16 * 1024 * 1024;
/** Of all sessions: beyond it the oldest answers go. */
export const ANSWERS_BYTES_MAX = 128 * 1024 * 1024;
/** Values that the replies of one transaction hold: they go over a link as one message. */
export const TRANSACTION_READ_BYTES_MAX = 8 * 1024 * 1024;
/** One frame of a snapshot: a piece of some 100 KB, or one large answer of a session, three bytes a character. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

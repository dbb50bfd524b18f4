/** How much of everything on a connection of HTTP/2: each limit with its reason. */

/** What RFC 9113 starts with, and never less: a peer may use it before it has read our settings. */
export const WINDOW_BYTES_DEFAULT = 65_535;
export const WINDOW_BYTES_MAX = 2 ** 31 - 1;
/** What is taken, and what is sent until the peer allows more: the least that everybody takes. Larger frames would let one stream block the others for longer. */
export const FRAME_BYTES_MAX = 16_384;
/** Of the peer, before its settings are there: RFC 9113 wants no server to allow less. */
export const PEER_STREAMS_DEFAULT = 100;
/** A stream's number has 31 bits. */
export const STREAM_ID_MAX = 2 ** 31 - 1;

/** HPACK's table for what we read: what everybody assumes. */
export const TABLE_BYTES = 4096;
/** Of an entry, beside its texts (RFC 7541, 4.1). */
export const ENTRY_BYTES = 32;
/** Names that the encoder keeps notes about; beyond it they are written out: a client that invents names gets no memory for them. */
export const ENCODER_NAMES_MAX = 256;
/** Values longer than this are never kept in a table: one of them would push out everything else. */
export const INDEXED_BYTES_MAX = 1024;

/** CONTINUATION frames of one head: a head of the largest size allowed fits into few full ones. */
export const CONTINUATIONS_MAX = 16;
/** A head on the wire may be this many times as large as its fields may be: only nonsense is larger encoded than decoded. */
export const BLOCK_OVERHEAD = 1.25;

/** DATA that one stream keeps before its writer has to wait: one turn of a fast socket. */
export const STREAM_QUEUE_BYTES = 64 * 1024;
/** What one `pull` gives at most, as far as DATA goes: a large write is no faster, and what lies in the socket cannot be overtaken. */
export const PULL_BYTES = 128 * 1024;
/** Frames that are no DATA, waiting to be written: a peer that asks for answers and does not read them is cut off. */
export const WAITING_BYTES_MAX = 1024 * 1024;

/** Frames that move nothing (SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty DATA, unknown ones): so many at once … */
export const IDLE_FRAMES_MAX = 2_000;
/** … and so many a second; each frame that carries something earns `IDLE_FRAMES_EARNED` more. */
export const IDLE_FRAMES_PER_SECOND = 200;
export const IDLE_FRAMES_EARNED = 2;

/** Streams that the peer cut, or that we had to cut for its fault (rapid reset, CVE-2023-44487 and CVE-2025-8671): so many at once … */
export const CUT_STREAMS_MAX = 200;
/** … and so many a second; each stream that ends well earns one more. */
export const CUT_STREAMS_PER_SECOND = 50;

/**
 * Of a request whose reply is whole: so much more is let in and dropped. Most clients heed the reply and stop long before; those that send
 * on send in their time (two seconds) no more at 64 Mbit/s.
 */
export const LINGER_BYTES_MAX = 16 * 1024 * 1024;

/** Streams that we cut ourselves and on which the peer may still be sending: what it sends there is dropped without a word. */
export const REMEMBERED_CUTS = 1024;

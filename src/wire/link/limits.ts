/** How much of everything on a link: each limit with its reason. Both sides of a link have the same. */
import { PAYLOAD_BYTES_MAX } from "../codec/index.ts";

/** A frame of messages, and a chunk of a large payload: above it a small message would wait too long behind a big one. */
export const FRAME_BYTES_MAX = 1024 * 1024;
/** What is taken as one frame: a full one, and room for one message more that did not know it was the last. */
export const FRAME_BYTES_TAKEN_MAX = 2 * FRAME_BYTES_MAX;
/** Before the other side has proved itself: a token and an address fit four times over. */
export const HELLO_BYTES_MAX = 4 * 1024;
/** From here on bytes travel as frames of their own: below it a copy is cheaper than a frame. */
export const BULK_BYTES_MIN = 64 * 1024;
/** Large payloads that arrive at the same time on one link; the next ones wait at the sender. */
export const TRANSFERS_MAX = 4;

/** Messages that one frame collects: beyond it waiting for the end of the turn saves nothing any more. */
export const BATCH_MESSAGES_MAX = 1024;
/** Bytes, as far as they are known before encoding, that one frame collects. */
export const BATCH_BYTES_MAX = FRAME_BYTES_MAX / 2;

/** Bytes on their way out before senders have to wait: some round trips at full speed. */
export const SEND_BUFFER_BYTES = 8 * 1024 * 1024;
/** A peer that lets so many answers pile up does not read: its link is closed. */
export const SEND_BUFFER_BYTES_MAX = 256 * 1024 * 1024;
/** Requests that wait for room in the send buffer; the next one fails at once. */
export const WAITING_MAX = 4096;

/** Requests of one peer that are being carried out here: beyond it they are answered with `link.overloaded`. */
export const UNDER_WAY_MAX = 8192;
/** Requests of ours that wait for an answer on one link: the other side takes no more. */
export const PENDING_MAX = UNDER_WAY_MAX;
/** Bytes of requests of one peer that are being carried out here: two of the largest, and what small ones need. */
export const UNDER_WAY_BYTES_MAX = 2 * PAYLOAD_BYTES_MAX;
/** Streams that are open on one link. */
export const STREAMS_MAX = 1024;
/** Bytes that a stream may send before its reader has taken any. */
export const STREAM_WINDOW_BYTES = 256 * 1024;
/** One piece of a stream: several fit into the window, and into a frame. */
export const STREAM_PIECE_BYTES = 32 * 1024;

/** Pieces of a stream that are smaller are joined with what waits to be read: each for itself would cost more than it holds. */
export const STREAM_JOIN_BYTES = 1024;

/** Topics are names in code. */
export const TOPIC_CHARS_MAX = 128;
/** Traceparent of W3C trace context has 55 characters. */
export const TRACEPARENT_CHARS_MAX = 128;
/** Codes are names in code. */
export const ERROR_CODE_CHARS_MAX = 256;
/** Message of a failure that crosses a link. */
export const ERROR_MESSAGE_CHARS_MAX = 16 * 1024;

/** What a request waits for that names no time. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** No request is waited for longer: longer work is started by one and watched by others. */
export const REQUEST_TIMEOUT_MS_MAX = 3_600_000;

/** From the first byte of the upgrade until both sides have proved themselves. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Upgrades and links that have not proved themselves yet: a whole rack that restarts fits, a flood does not. */
export const HALF_OPEN_MAX = 256;
/** Links of one node: some times the largest cluster that is planned for. */
export const LINKS_MAX = 4096;

export const BEAT_INTERVAL_MS = 1_000;
/** Beats that may fail to come before a link counts as dead: a busy process is late, a dead machine says nothing. */
export const BEATS_MISSED_MAX = 10;

/** A socket that was told to close and is still there is cut: its peer may have stopped reading. */
export const LINGER_MS = 1_000;
/** A link that has been silent for so long gives way to a new one of the same peer. */
export const STALE_MS = 3 * BEAT_INTERVAL_MS;

/** A link without requests and streams for so long is closed by whoever opened it. */
export const IDLE_MS = 60_000;
/** What requests under way get to end when a link is closed. */
export const GRACE_MS = 5_000;
/** Waits between looks at the client's send buffer while somebody waits: its socket tells nobody when it drains. */
export const DRAIN_LOOK_MS = 1;

export interface LinkLimits {
  readonly sendBufferBytes: number;
  readonly sendBufferBytesMax: number;
  readonly waitingMax: number;
  readonly underWayMax: number;
  readonly underWayBytesMax: number;
  readonly pendingMax: number;
  readonly streamsMax: number;
  readonly payloadBytesMax: number;
}

export const LINK_LIMITS: LinkLimits = {
  sendBufferBytes: SEND_BUFFER_BYTES,
  sendBufferBytesMax: SEND_BUFFER_BYTES_MAX,
  waitingMax: WAITING_MAX,
  underWayMax: UNDER_WAY_MAX,
  underWayBytesMax: UNDER_WAY_BYTES_MAX,
  pendingMax: PENDING_MAX,
  streamsMax: STREAMS_MAX,
  payloadBytesMax: PAYLOAD_BYTES_MAX,
};

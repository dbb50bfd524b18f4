/** WebSocket (RFC 6455): frames, messages, the handshake's keys, and a connection of either side. */
export { acceptOf, isKey } from "./accept.ts";
export { WebSocketConnection, type WebSocketHandler, type WebSocketOptions } from "./connection.ts";
export { FrameBounds } from "./frame-bounds.ts";
export { CLOSE, OPCODE, writeFrame } from "./frames.ts";
export { handshakeFault } from "./handshake.ts";
export { MESSAGE_BYTES_MAX } from "./limits.ts";
export { MessageReader } from "./message-reader.ts";

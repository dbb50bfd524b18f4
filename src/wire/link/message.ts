/**
 * What is said on a link: each message is an array whose first element tells its kind. Ids of requests are numbered by each
 * side for itself; ids of streams are odd where the dialer opened them. A payload too large for a frame of messages is
 * announced by `bulk`, which holds its message with an empty payload, and follows in chunks: raw frames, each one right behind
 * the frame that ends with its `chunk`.
 */
import type { Message } from "../codec/index.ts";

export const HELLO = 0;
export const REQUEST = 1;
export const RESPONSE = 2;
export const ERROR = 3;
export const CANCEL = 4;
export const NOTIFY = 5;
export const OPEN = 6;
export const DATA = 7;
export const CREDIT = 8;
export const END = 9;
export const ABORT = 10;
export const BEAT = 11;
export const GOAWAY = 12;
export const CHUNK = 13;
export const BULK = 14;

/** How the bytes of a bulk payload are to be read: as they are, or as an encoded value. */
export const FORM_BYTES = 0;
export const FORM_VALUE = 1;

export type { Message };

/** Where the payload of a message stands, for the kinds that have one which may be large. */
export const PAYLOAD_AT: Readonly<Record<number, number>> = { [REQUEST]: 4, [RESPONSE]: 2, [NOTIFY]: 2 };

export const requestMessage = (
  id: number,
  topic: string,
  timeoutMs: number,
  payload: unknown,
  traceparent: string | undefined,
): Message =>
  traceparent === undefined
    ? [REQUEST, id, topic, timeoutMs, payload]
    : [REQUEST, id, topic, timeoutMs, payload, traceparent];

export const notifyMessage = (topic: string, payload: unknown, traceparent: string | undefined): Message =>
  traceparent === undefined ? [NOTIFY, topic, payload] : [NOTIFY, topic, payload, traceparent];

export const openMessage = (id: number, topic: string, payload: unknown, traceparent: string | undefined): Message =>
  traceparent === undefined ? [OPEN, id, topic, payload] : [OPEN, id, topic, payload, traceparent];

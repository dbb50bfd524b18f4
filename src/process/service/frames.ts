/**
 * The messages between a node and a service host: binary, length first, each direction asks and each answers. A request names
 * its operation, what is left of its time, the trace that it belongs to, a head (text) and a body (JSON text in UTF-8, passed on as
 * it is). Every request gets exactly one end: RESULT, ERROR or END; also one that was cancelled.
 *
 *   u32 length of the rest | u8 kind | u32 id | …
 *   REQUEST  u8 operation | u32 timeout in ms | u8 length, trace | u32 length, head | body
 *   RESULT, ITEM  body          ERROR  failure as JSON          CREDIT  u32 bytes          NOTE  u8 operation | text
 */
export const REQUEST = 1;
export const RESULT = 2;
export const ERROR = 3;
export const ITEM = 4;
export const END = 5;
/** The reader of a stream has taken so many bytes. */
export const CREDIT = 6;
export const CANCEL = 7;
/** Nobody answers it. */
export const NOTE = 8;

/** What a request asks for: first what a node asks of a host, then what a host asks of its node. */
export const LOAD = 1;
export const START = 2;
export const CALL = 3;
export const STREAM = 4;
export const HEALTH = 5;
export const STOP = 6;
export const BROADCAST = 7;
export const DISCOVER = 8;
export const INVALIDATE = 9;

/** What a note is. */
export const HELLO = 1;
export const LOG = 2;

export const LENGTH_BYTES = 4;
/** Kind and id. */
export const HEADER_BYTES = 5;
/** Operation, timeout, length of trace, length of head. */
export const REQUEST_BYTES = 10;
/** A traceparent has 55; later versions may have more. */
export const TRACE_CHARS_MAX = 128;

const PROTOCOL_VERSION = 1;
const HELLO_NAME = "distributed-system-service";

/** How a host greets. */
export function helloText(api: number, pid: number): string {
  return [HELLO_NAME, PROTOCOL_VERSION, api, pid].join("|");
}

/** What is wrong with a greeting, or undefined. */
export function helloFault(text: string, api: number): string | undefined {
  const [name, protocol, hostApi] = text.split("|");
  if (name !== HELLO_NAME) return `the host opened with ${JSON.stringify(text.slice(0, 80))} instead of a greeting`;
  if (protocol !== String(PROTOCOL_VERSION)) return `the host speaks protocol ${protocol}, this is ${PROTOCOL_VERSION}`;
  return hostApi === String(api) ? undefined : `the host serves service API ${hostApi}, this is ${api}`;
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export interface RequestParts {
  readonly operation: number;
  readonly timeoutMs: number;
  readonly trace: string;
  /** Text, one byte a character as it lies there: for comparing. */
  readonly head: string;
  readonly body: Buffer;
}

/** The parts of a request's rest, or undefined when its lengths do not fit. The body is a view. */
export function readRequest(bytes: Buffer, from: number, to: number): RequestParts | undefined {
  if (to - from < REQUEST_BYTES) return undefined;
  const traceAt = from + REQUEST_BYTES;
  const headAt = traceAt + bytes[from + 5]!;
  const bodyAt = headAt + readU32(bytes, from + 6);
  if (bodyAt > to) return undefined;
  return {
    operation: bytes[from]!,
    timeoutMs: readU32(bytes, from + 1),
    trace: traceAt === headAt ? "" : bytes.toString("latin1", traceAt, headAt),
    head: bytes.toString("latin1", headAt, bodyAt),
    body: bytes.subarray(bodyAt, to),
  };
}

/** The chunk that it came in holds others too: a view would keep them all. Over plain bytes, for a Buffer's own slice takes three times as long. */
export function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from).slice();
}

/** The head as text: `readRequest` gives its bytes as characters. */
export function headText(head: string): string {
  return Buffer.from(head, "latin1").toString();
}

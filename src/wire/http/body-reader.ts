/**
 * The bytes of one body out of the bytes of a connection: by length, in chunks, or until the end. Pieces are cut out of what came,
 * nothing is copied. Chunks are read strictly: only CRLF ends a line, extensions are dropped and counted, trailers are checked.
 */
import { VALUE } from "./characters.ts";
import { HttpFault, malformed } from "./fault.ts";
import { FieldLines, type HeadLimits } from "./field-lines.ts";
import { CHUNKED, UNTIL_CLOSE } from "./framing.ts";
import { isTrailerName } from "./trailers.ts";
import type { HeaderList } from "./words.ts";

/** 281 TB in one chunk: a longer number is an attempt to make one overflow. */
const SIZE_DIGITS_MAX = 12;
/** Of one chunk, and of a whole body: nobody uses them, but whoever sends megabytes of them makes us read for nothing. */
const EXTENSION_BYTES_MAX = 256;
const EXTENSIONS_BYTES_MAX = 16 * 1_024;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

type State = "size" | "extension" | "size_lf" | "bytes" | "bytes_cr" | "bytes_lf" | "trailers" | "end";

export class BodyReader {
  /** There is no more of it. */
  isDone = true;
  trailers: HeaderList | undefined;

  readonly #limits: HeadLimits;
  #length = 0;
  #state: State = "end";
  /** Of the body or chunk, still to come. */
  #left = 0;
  #digits = 0;
  #extension = 0;
  #extensions = 0;
  #lines: FieldLines | undefined;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** A length, `CHUNKED` or `UNTIL_CLOSE`. */
  begin(length: number): void {
    this.#length = length;
    this.isDone = length === 0;
    this.trailers = undefined;
    this.#left = length === CHUNKED ? 0 : length === UNTIL_CLOSE ? Number.POSITIVE_INFINITY : length;
    this.#state = length === CHUNKED ? "size" : "bytes";
    this.#digits = this.#extension = this.#extensions = 0;
  }

  get isUntilClose(): boolean {
    return this.#length === UNTIL_CLOSE && !this.isDone;
  }

  /** Bytes that are still to come, where that is known. */
  get left(): number | undefined {
    return this.#length >= 0 ? this.#left : undefined;
  }

  /** How many bytes of the body begin there: they are next, and taken as soon as this has said so. 0: what is there is framing. */
  take(chunk: Buffer, at: number): number {
    if (this.#state !== "bytes") return 0;
    const size = Math.min(this.#left, chunk.length - at);
    this.#left -= size;
    if (this.#left > 0) return size;
    if (this.#length === CHUNKED) this.#state = "bytes_cr";
    else this.isDone = true;
    return size;
  }

  /** Reads what is between the bytes; gives back where the chunk goes on: bytes begin there, or all is read. Throws `HttpFault`. */
  skip(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && this.#state !== "bytes" && !this.isDone)
      at = this.#state === "trailers" ? this.#readTrailers(chunk, at) : this.#step(chunk, at);
    return at;
  }

  #step(chunk: Buffer, at: number): number {
    const byte = chunk[at]!;
    switch (this.#state) {
      case "size":
        this.#size(byte);
        break;
      case "extension":
        this.#extend(byte);
        break;
      case "size_lf":
        expect(byte, LF, "chunk_line", "a chunk's size");
        this.#beginChunk();
        break;
      case "bytes_cr":
        expect(byte, CR, "chunk_end", "a chunk's bytes");
        this.#state = "bytes_lf";
        break;
      default:
        expect(byte, LF, "chunk_end", "a chunk's bytes");
        this.#state = "size";
        break;
    }
    return at + 1;
  }

  #size(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > SIZE_DIGITS_MAX)
        throw malformed("chunk_size", `a chunk's size has more than ${SIZE_DIGITS_MAX} digits`);
      this.#left = this.#left * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw malformed("chunk_size", `a chunk's size begins with ${named(byte)}`);
    if (byte === CR) this.#state = "size_lf";
    else if (byte === SEMICOLON) this.#state = "extension";
    else throw malformed("chunk_size", `a chunk's size is followed by ${named(byte)}`);
  }

  #extend(byte: number): void {
    if (byte === CR) {
      this.#state = "size_lf";
      return;
    }
    if (!VALUE[byte]) throw malformed("chunk_extension", `a chunk's extension holds ${named(byte)}`);
    this.#extensions++;
    if (++this.#extension > EXTENSION_BYTES_MAX || this.#extensions > EXTENSIONS_BYTES_MAX)
      throw malformed("chunk_extension", `extensions of chunks have more than ${EXTENSION_BYTES_MAX} bytes`);
  }

  #beginChunk(): void {
    this.#digits = this.#extension = 0;
    this.#state = this.#left === 0 ? "trailers" : "bytes";
    if (this.#left === 0) this.#lines = new FieldLines(this.#limits, undefined, false);
  }

  #readTrailers(chunk: Buffer, from: number): number {
    const lines = this.#lines!;
    const at = lines.feed(chunk, from);
    if (!lines.isComplete) return at;
    this.#lines = undefined;
    this.trailers = checkedTrailers(lines);
    this.isDone = true;
    this.#state = "end";
    return at;
  }
}

/** What is wrong with the beginning of a body in chunks, as far as it is there from `from` on; what comes behind the body is not looked at. */
export function faultInChunks(bytes: Uint8Array, from: number, limits: HeadLimits): HttpFault | undefined {
  const chunk = bufferOf(bytes);
  const body = new BodyReader(limits);
  body.begin(CHUNKED);
  try {
    for (let at = from; at < chunk.length && !body.isDone; ) {
      at = body.skip(chunk, at);
      if (at < chunk.length) at += body.take(chunk, at);
    }
    return undefined;
  } catch (thrown) {
    if (thrown instanceof HttpFault) return thrown;
    throw thrown;
  }
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function checkedTrailers(lines: FieldLines): HeaderList | undefined {
  const { connection, contentLength, doubt, expect, headers, host, te, transferEncoding, upgrade } = lines;
  const ofHead = doubt ?? contentLength ?? transferEncoding ?? host ?? connection ?? te ?? upgrade ?? expect;
  if (ofHead !== undefined) throw malformed("trailer", "a trailer is about the connection or the framing");
  for (let at = 0; at < headers.length; at += 2)
    if (!isTrailerName(headers[at]!)) throw malformed("trailer", `${headers[at]} is not allowed in trailers`);
  return headers.length === 0 ? undefined : headers;
}

function expect(byte: number, wanted: number, rule: string, what: string): void {
  if (byte !== wanted) throw malformed(rule, `${what} is followed by ${named(byte)}, CRLF is required`);
}

function named(byte: number): string {
  return `the byte 0x${byte.toString(16).padStart(2, "0")}`;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

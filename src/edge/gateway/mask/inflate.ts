/** Compressed bodies made plain, within bounds: so many bytes, and so many times what was sent. */
import {
  brotliDecompress,
  brotliDecompressSync,
  gunzip,
  gunzipSync,
  inflate,
  inflateSync,
  zstdDecompress,
  zstdDecompressSync,
} from "node:zlib";
import { assert, Failure, messageOf } from "../../../base/errors.ts";

export interface InflateBounds {
  readonly inflatedBytesMax: number;
  readonly inflateRatioMax: number;
}

/** Small bodies compress better than the ratio says; what fits here is no bomb. */
const ALWAYS_ALLOWED_BYTES = 64 * 1024;
/** Nobody compresses twice; more layers only hide things. */
const CODINGS_MAX = 1;

interface Options {
  readonly maxOutputLength: number;
  readonly info: true;
}

/** What `info` asks for, which the types do not know. */
interface Inflated {
  readonly buffer: Uint8Array;
  /** `bytesWritten`: what the decoder has taken. */
  readonly engine: { readonly bytesWritten: number };
}

interface Decoder {
  readonly now: (bytes: Uint8Array, options: Options) => unknown;
  readonly later: (bytes: Uint8Array, options: Options, done: (fault: Error | null, inflated: unknown) => void) => void;
}

const GZIP: Decoder = { now: gunzipSync, later: gunzip };
const DECODERS: Readonly<Record<string, Decoder>> = {
  gzip: GZIP,
  "x-gzip": GZIP,
  deflate: { now: inflateSync, later: inflate },
  br: { now: brotliDecompressSync, later: brotliDecompress },
  zstd: { now: zstdDecompressSync, later: zstdDecompress },
};

/** Throws `gateway.body_unreadable` or `gateway.body_too_large`. `contentEncoding` is the header's value, empty without one. */
export function inflateBody(bytes: Uint8Array, contentEncoding: string, bounds: InflateBounds): Uint8Array {
  const decoder = decoderOf(contentEncoding);
  if (decoder === undefined || bytes.length === 0) return bytes;
  const most = inflatedBytesAtMost(bytes.length, bounds);
  let inflated: Inflated;
  try {
    inflated = decoder.now(bytes, { maxOutputLength: most, info: true }) as Inflated;
  } catch (cause) {
    throw undecodable(cause, bytes.length, most, contentEncoding);
  }
  const plain = wholeOf(inflated, bytes.length, most, contentEncoding);
  if (plain instanceof Failure) throw plain;
  return plain;
}

/** Other readers go on behind the end of what is coded: what they would find there nobody has looked at. */
function wholeOf({ buffer, engine }: Inflated, sent: number, most: number, coding: string): Uint8Array | Failure {
  if (buffer.length > most) return tooLarge(sent, most);
  const rest = sent - engine.bytesWritten;
  return rest === 0 ? buffer : undecodable(`${rest} bytes stand behind its end`, sent, most, coding);
}

/** Begins, in another thread; `done` is called once, and later. Nothing can stop it. */
export type Inflation = (done: (outcome: Uint8Array | Failure) => void) => void;

/** The same, when it is called. Throws where the coding is not known. */
export function inflationOf(bytes: Uint8Array, contentEncoding: string, bounds: InflateBounds): Inflation {
  const decoder = decoderOf(contentEncoding);
  assert(decoder !== undefined, () => "a body that is plain was to be inflated");
  const most = inflatedBytesAtMost(bytes.length, bounds);
  return (done) =>
    decoder.later(bytes, { maxOutputLength: most, info: true }, (cause, inflated) => {
      if (cause) done(undecodable(cause, bytes.length, most, contentEncoding));
      else done(wholeOf(inflated as Inflated, bytes.length, most, contentEncoding));
    });
}

/** As large as a body of so many bytes may become. */
export function inflatedBytesAtMost(bytes: number, { inflateRatioMax, inflatedBytesMax }: InflateBounds): number {
  return Math.min(inflatedBytesMax, Math.max(ALWAYS_ALLOWED_BYTES, bytes * inflateRatioMax));
}

export function isCoded(contentEncoding: string): boolean {
  return codingsOf(contentEncoding).length > 0;
}

function codingsOf(contentEncoding: string): readonly string[] {
  return contentEncoding
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
}

/** Undefined: it is plain. */
function decoderOf(contentEncoding: string): Decoder | undefined {
  const codings = codingsOf(contentEncoding);
  const [coding] = codings;
  if (coding === undefined) return undefined;
  const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
  if (decoder !== undefined && codings.length <= CODINGS_MAX) return decoder;
  throw new Failure(
    "gateway.body_unreadable",
    `inflating a body: it is coded ${contentEncoding}, one of ${Object.keys(DECODERS).join(", ")} is required`,
  );
}

function undecodable(cause: unknown, sent: number, most: number, coding: string): Failure {
  if ((cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") return tooLarge(sent, most); // node's errors carry a code
  return new Failure(
    "gateway.body_unreadable",
    `inflating a body of ${sent} bytes: ${messageOf(cause)}, ${coding} is required`,
    { cause },
  );
}

function tooLarge(sent: number, most: number): Failure {
  return new Failure(
    "gateway.body_too_large",
    `inflating a body of ${sent} bytes: more than ${most} bytes come out, fewer are required`,
  );
}

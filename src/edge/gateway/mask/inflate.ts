/** Compressed bodies made plain, within bounds: so many bytes, and so many times what was sent. */
import {
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  type Gunzip,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";
import { assert, Failure, messageOf } from "../../../base/errors.ts";
import { KeptBytes } from "../../../wire/http/index.ts";

export interface InflateBounds {
  readonly inflatedBytesMax: number;
  readonly inflateRatioMax: number;
}

/** Small bodies compress better than the ratio says; what fits here is no bomb. */
const ALWAYS_ALLOWED_BYTES = 64 * 1024;
/** Nobody compresses twice; more layers only hide things. */
const CODINGS_MAX = 1;
/** Of what comes out of one that is inflated in another thread: as much at a time. */
const PIECE_BYTES = 128 * 1024;

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
  readonly pieces: (options: { readonly chunkSize: number }) => Pick<Gunzip, "on" | "end" | "destroy" | "bytesWritten">;
}

const GZIP: Decoder = { now: gunzipSync, pieces: createGunzip };
const DECODERS: Readonly<Record<string, Decoder>> = {
  gzip: GZIP,
  "x-gzip": GZIP,
  deflate: { now: inflateSync, pieces: createInflate },
  br: { now: brotliDecompressSync, pieces: createBrotliDecompress },
  zstd: { now: zstdDecompressSync, pieces: createZstdDecompress },
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
    throw isTooLarge(cause) ? tooLarge(bytes.length, most) : undecodable(cause, bytes.length, contentEncoding);
  }
  const { buffer, engine } = inflated;
  if (buffer.length > most) throw tooLarge(bytes.length, most);
  const failure = notWhole(engine.bytesWritten, bytes.length, contentEncoding);
  if (failure !== undefined) throw failure;
  return buffer;
}

/** Other readers go on behind the end of what is coded: what they would find there nobody has looked at. */
function notWhole(taken: number, sent: number, coding: string): Failure | undefined {
  const rest = sent - taken;
  return rest === 0 ? undefined : undecodable(`${rest} bytes stand behind its end`, sent, coding);
}

/** Begins, in another thread; `done` is called once, and later. */
export type Inflation = (done: (outcome: KeptBytes | Failure) => void) => void;

/** The same, when it is called. Throws where the coding is not known. */
export function inflationOf(bytes: Uint8Array, contentEncoding: string, bounds: InflateBounds): Inflation {
  const decoder = decoderOf(contentEncoding);
  assert(decoder !== undefined, () => "a body that is plain was to be inflated");
  const most = inflatedBytesAtMost(bytes.length, bounds);
  return (done) => {
    const plain = new KeptBytes();
    const stream = decoder.pieces({ chunkSize: PIECE_BYTES });
    let isOver = false;
    const over = (outcome: KeptBytes | Failure): void => {
      if (isOver) return;
      isOver = true;
      done(outcome);
    };
    stream.on("data", (piece: Uint8Array) => {
      plain.push(piece);
      if (plain.size <= most) return;
      stream.destroy();
      over(tooLarge(bytes.length, most));
    });
    stream.on("end", () => over(notWhole(stream.bytesWritten, bytes.length, contentEncoding) ?? plain));
    stream.on("error", (cause: Error) => over(undecodable(cause, bytes.length, contentEncoding)));
    stream.end(bytes);
  };
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

function isTooLarge(cause: unknown): boolean {
  return (cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE"; // node's errors carry a code
}

function undecodable(cause: unknown, sent: number, coding: string): Failure {
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

/**
 * Compressed bodies are looked at as what they stand for. Inflation stops at a size and at a ratio, so a bomb costs no more than an honest
 * body; what cannot be inflated, or has bytes behind its end, is refused, because nobody could say what is in it.
 */
import {
  brotliDecompress,
  brotliDecompressSync,
  gunzip,
  gunzipSync,
  inflateRaw,
  inflateRawSync,
  inflateSync,
  inflate as inflateZlib,
  type ZlibOptions,
} from "node:zlib";
import { ENCODINGS_MAX } from "../limits.ts";

/** Below it the ratio is of no matter: small repetitive texts inflate a lot and harm nobody. */
const RATIO_FREE_BYTES = 65_536;

export type Inflated =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Too large or too dense. */
  | { readonly kind: "too large" }
  | { readonly kind: "unreadable"; readonly what: string };

/** What is to be done: which codings, the outermost first, and how much may come out of each. */
interface Plan {
  readonly kind: "layers";
  readonly layers: readonly string[];
  readonly outputMax: number;
}

function planOf(bytes: number, encoding: string, bytesMax: number, ratioMax: number): Plan | Inflated {
  const layers = encoding
    .toLowerCase()
    .split(",")
    .map((layer) => layer.trim())
    .filter((layer) => layer !== "" && layer !== "identity");
  if (layers.length > ENCODINGS_MAX) return { kind: "unreadable", what: `${layers.length} encodings` };
  const outputMax = Math.min(bytesMax, Math.max(RATIO_FREE_BYTES, bytes * ratioMax));
  return { kind: "layers", layers: layers.reverse(), outputMax };
}

/** `encoding` is the value of `content-encoding`; empty: as it is. */
export function inflate(bytes: Uint8Array, encoding: string, bytesMax: number, ratioMax: number): Inflated {
  const plan = planOf(bytes.length, encoding, bytesMax, ratioMax);
  if (plan.kind !== "layers") return plan;
  let inflated = bytes;
  for (const layer of plan.layers) {
    const result = inflateLayer(inflated, layer, plan.outputMax);
    if (result.kind !== "bytes") return result;
    inflated = result.bytes;
  }
  return { kind: "bytes", bytes: inflated };
}

/** The same in another thread. `done` is called once, perhaps at once. */
export function inflateLater(
  bytes: Uint8Array,
  encoding: string,
  bytesMax: number,
  ratioMax: number,
  done: (inflated: Inflated) => void,
): void {
  const plan = planOf(bytes.length, encoding, bytesMax, ratioMax);
  if (plan.kind !== "layers") return done(plan);
  const { layers, outputMax: maxOutputLength } = plan;
  const next = (inflated: Inflated, at: number): void => {
    const layer = layers[at];
    if (inflated.kind !== "bytes" || layer === undefined) return done(inflated);
    const decoder = decoderOf(inflated.bytes, layer);
    if (decoder === undefined) return done(unknown(layer));
    decoder.later(inflated.bytes, { maxOutputLength, info: true }, (fault, info) =>
      // that is what `info` asks for
      next(
        fault ? faultOf(fault, layer) : outcomeOf(info as unknown as InflatedInfo, inflated.bytes.length, layer),
        at + 1,
      ),
    );
  };
  next({ kind: "bytes", bytes }, 0);
}

type Later = (
  bytes: Uint8Array,
  options: ZlibOptions,
  done: (fault: Error | null, inflated: Uint8Array) => void,
) => void;

interface Decoder {
  readonly now: (bytes: Uint8Array, options: ZlibOptions) => unknown;
  readonly later: Later;
}

const GZIP: Decoder = { now: gunzipSync, later: gunzip };
const ZLIB: Decoder = { now: inflateSync, later: inflateZlib };
const RAW: Decoder = { now: inflateRawSync, later: inflateRaw };
const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => Decoder>> = {
  gzip: () => GZIP,
  "x-gzip": () => GZIP,
  br: () => ({ now: brotliDecompressSync, later: brotliDecompress }),
  deflate: deflateOf,
};

function decoderOf(bytes: Uint8Array, layer: string): Decoder | undefined {
  return Object.hasOwn(DECODERS, layer) ? DECODERS[layer]!(bytes) : undefined;
}

function inflateLayer(bytes: Uint8Array, layer: string, maxOutputLength: number): Inflated {
  const decoder = decoderOf(bytes, layer);
  if (decoder === undefined) return unknown(layer);
  try {
    // that is what `info` asks for
    return outcomeOf(decoder.now(bytes, { maxOutputLength, info: true }) as InflatedInfo, bytes.length, layer);
  } catch (thrown) {
    return faultOf(thrown, layer);
  }
}

function unknown(layer: string): Inflated {
  return { kind: "unreadable", what: `the encoding ${layer.slice(0, 40)}` };
}

function faultOf(fault: unknown, layer: string): Inflated {
  return isTooLarge(fault) ? { kind: "too large" } : { kind: "unreadable", what: `a body that is no ${layer}` };
}

/** Other readers go on behind the end: what they would find there nobody has looked at. */
function outcomeOf({ buffer, engine }: InflatedInfo, sent: number, layer: string): Inflated {
  const rest = sent - engine.bytesWritten;
  if (rest === 0) return { kind: "bytes", bytes: buffer };
  return { kind: "unreadable", what: `a body of ${layer} with ${rest} bytes behind its end` };
}

interface InflatedInfo {
  readonly buffer: Uint8Array;
  /** `bytesWritten`: what the decoder has taken. */
  readonly engine: { readonly bytesWritten: number };
}

/** `deflate` means zlib's format; some clients send it without that frame. */
function deflateOf(bytes: Uint8Array): Decoder {
  const isZlib = ((bytes[0] ?? 0) & 0x0f) === 8 && (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) % 31 === 0;
  return isZlib ? ZLIB : RAW;
}

function isTooLarge(thrown: unknown): boolean {
  return (
    thrown instanceof RangeError ||
    (thrown instanceof Error && "code" in thrown && thrown.code === "ERR_BUFFER_TOO_LARGE")
  );
}

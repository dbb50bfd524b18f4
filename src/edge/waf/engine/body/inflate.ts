/**
 * Compressed bodies are looked at as what they stand for. Inflation stops at a size and at a ratio, so a bomb costs no more than an honest
 * body; what cannot be inflated, or has bytes behind its end, is refused, because nobody could say what is in it.
 */
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, type ZlibOptions } from "node:zlib";
import { ENCODINGS_MAX } from "../limits.ts";

/** Below it the ratio is of no matter: small repetitive texts inflate a lot and harm nobody. */
const RATIO_FREE_BYTES = 65_536;

export type Inflated =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Too large or too dense. */
  | { readonly kind: "too large" }
  | { readonly kind: "unreadable"; readonly what: string };

/** `encoding` is the value of `content-encoding`; empty: as it is. */
export function inflate(bytes: Uint8Array, encoding: string, bytesMax: number, ratioMax: number): Inflated {
  const layers = encoding
    .toLowerCase()
    .split(",")
    .map((layer) => layer.trim())
    .filter((layer) => layer !== "" && layer !== "identity");
  if (layers.length > ENCODINGS_MAX) return { kind: "unreadable", what: `${layers.length} encodings` };
  const outputMax = Math.min(bytesMax, Math.max(RATIO_FREE_BYTES, bytes.length * ratioMax));
  let inflated = bytes;
  for (const layer of layers.reverse()) {
    const result = inflateLayer(inflated, layer, outputMax);
    if (result.kind !== "bytes") return result;
    inflated = result.bytes;
  }
  return { kind: "bytes", bytes: inflated };
}

type Inflate = (bytes: Uint8Array, options: ZlibOptions) => unknown;

const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => Inflate>> = {
  gzip: () => gunzipSync,
  "x-gzip": () => gunzipSync,
  br: () => brotliDecompressSync,
  deflate: deflateOf,
};

function inflateLayer(bytes: Uint8Array, layer: string, maxOutputLength: number): Inflated {
  const decoder = Object.hasOwn(DECODERS, layer) ? DECODERS[layer] : undefined;
  if (decoder === undefined) return { kind: "unreadable", what: `the encoding ${layer.slice(0, 40)}` };
  let inflated: InflatedInfo;
  try {
    inflated = decoder(bytes)(bytes, { maxOutputLength, info: true }) as InflatedInfo; // that is what `info` asks for
  } catch (thrown) {
    if (isTooLarge(thrown)) return { kind: "too large" };
    return { kind: "unreadable", what: `a body that is no ${layer}` };
  }
  const { buffer, engine } = inflated;
  // Other readers go on behind the end: what they would find there nobody has looked at.
  if (engine.bytesWritten === bytes.length) return { kind: "bytes", bytes: buffer };
  return {
    kind: "unreadable",
    what: `a body of ${layer} with ${bytes.length - engine.bytesWritten} bytes behind its end`,
  };
}

interface InflatedInfo {
  readonly buffer: Uint8Array;
  /** `bytesWritten`: what the decoder has taken. */
  readonly engine: { readonly bytesWritten: number };
}

/** `deflate` means zlib's format; some clients send it without that frame. */
function deflateOf(bytes: Uint8Array): Inflate {
  const isZlib = ((bytes[0] ?? 0) & 0x0f) === 8 && (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) % 31 === 0;
  return isZlib ? inflateSync : inflateRawSync;
}

function isTooLarge(thrown: unknown): boolean {
  return (
    thrown instanceof RangeError ||
    (thrown instanceof Error && "code" in thrown && thrown.code === "ERR_BUFFER_TOO_LARGE")
  );
}

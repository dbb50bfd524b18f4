/**
 * Snapshots as bytes: a magic word and a version, then frames, each with its length before it. Written in pieces as they are asked for;
 * read from pieces that may be cut anywhere, because files and networks cut where they like.
 */
import { Failure } from "../../base/errors.ts";
import { Decoder, Encoder } from "../../wire/codec/index.ts";
import { FRAME_BYTES_MAX } from "./limits.ts";

/** "DATA", and the version of everything behind it. */
const MAGIC = [0x44, 0x41, 0x54, 0x41];
const VERSION = 1;
const HEAD_BYTES = MAGIC.length + 1;
const LENGTH_BYTES = 4;

export function snapshotFault(what: string): Failure {
  return new Failure("data.snapshot", `reading a snapshot: ${what}`);
}

export function* writeFrames(values: Iterable<unknown>): Generator<Uint8Array, void, undefined> {
  yield new Uint8Array([...MAGIC, VERSION]);
  const encoder = new Encoder(FRAME_BYTES_MAX);
  for (const value of values) {
    const body = encoder.encode(value);
    const frame = new Uint8Array(LENGTH_BYTES + body.length);
    new DataView(frame.buffer).setUint32(0, body.length);
    frame.set(body, LENGTH_BYTES);
    yield frame;
  }
}

/** Fails with `data.snapshot` on anything that `writeFrames` does not write. */
export function* readFrames(pieces: Iterable<Uint8Array>): Generator<unknown, void, undefined> {
  const bytes = new ByteReader(pieces);
  checkHead(bytes.take(HEAD_BYTES));
  const decoder = new Decoder();
  while (!bytes.isAtEnd()) {
    const length = new DataView(bytes.take(LENGTH_BYTES).buffer).getUint32(0);
    if (length > FRAME_BYTES_MAX)
      throw snapshotFault(`a frame has ${length} bytes, at most ${FRAME_BYTES_MAX} are written`);
    yield decode(decoder, bytes.take(length));
  }
}

function checkHead(head: Uint8Array): void {
  if (MAGIC.some((byte, index) => head[index] !== byte)) throw snapshotFault("it begins like no snapshot of data");
  const version = head[MAGIC.length];
  if (version !== VERSION) throw snapshotFault(`it has version ${version}, this program reads version ${VERSION}`);
}

function decode(decoder: Decoder, bytes: Uint8Array): unknown {
  try {
    return decoder.decode(bytes);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    throw snapshotFault(thrown.message);
  }
}

class ByteReader {
  readonly #pieces: Iterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(pieces: Iterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.iterator]();
  }

  isAtEnd(): boolean {
    while (this.#at === this.#piece.length) {
      const next = this.#pieces.next();
      if (next.done) return true;
      this.#piece = next.value;
      this.#at = 0;
    }
    return false;
  }

  /** A copy: what is read from it does not keep a whole file in memory. */
  take(sizeBytes: number): Uint8Array {
    const taken = new Uint8Array(sizeBytes);
    for (let filled = 0; filled < sizeBytes; ) {
      if (this.isAtEnd()) throw snapshotFault(`it ends where ${sizeBytes - filled} more bytes are required`);
      const part = this.#piece.subarray(this.#at, this.#at + sizeBytes - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#at += part.length;
    }
    return taken;
  }
}

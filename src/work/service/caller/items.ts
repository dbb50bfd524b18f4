/**
 * Items of a stream as bytes on a link's stream: a length of four bytes (big-endian), a kind, the item. A failure is the last item: what
 * was given before it is read first. Nothing more is asked of the method than the link's window holds.
 */
import { Failure, type FailureJson, toFailure } from "../../../base/errors.ts";
import type { ByteStream } from "../../../wire/link/index.ts";
import { ITEM_BYTES_MAX } from "./limits.ts";

const ITEM = 0;
const FAILURE = 1;
const HEAD_BYTES = 5;

/** Ends the stream, whatever comes of the items. */
export async function writeItems(items: AsyncIterable<Uint8Array>, stream: ByteStream): Promise<void> {
  try {
    for await (const item of items) {
      if (item.byteLength > ITEM_BYTES_MAX) throw tooLarge(item.byteLength);
      await stream.write(framed(ITEM, item));
    }
  } catch (thrown) {
    if (stream.signal.aborted) return; // nobody reads any more
    const failure = toFailure(thrown, "service.failed");
    await stream.write(framed(FAILURE, failureBytes(failure))).catch(() => {}); // as above
  }
  stream.end();
}

/** Fails as the method did, and as the stream does. */
export async function* readItems(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces = new Pieces();
  for await (const piece of stream) {
    pieces.add(piece);
    for (let item = pieces.take(); item; item = pieces.take()) {
      if (item.kind === FAILURE) throw failureOf(item.bytes);
      yield item.bytes;
    }
  }
  if (pieces.size > 0) throw broken("it ends within an item");
}

interface Item {
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** Bytes that have come and were not given on, without copying them before an item is whole. */
class Pieces {
  #pieces: Uint8Array[] = [];
  #head: DataView | undefined;
  size = 0;

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.size += piece.byteLength;
  }

  take(): Item | undefined {
    if (!this.#head) {
      if (this.size < HEAD_BYTES) return undefined;
      const head = this.#cut(HEAD_BYTES);
      this.#head = new DataView(head.buffer, head.byteOffset, HEAD_BYTES);
      const bytes = this.#head.getUint32(0);
      if (bytes > ITEM_BYTES_MAX) throw tooLarge(bytes);
      if (this.#head.getUint8(4) > FAILURE) throw broken(`kind ${this.#head.getUint8(4)} of an item is not known`);
    }
    const sizeBytes = this.#head.getUint32(0);
    if (this.size < sizeBytes) return undefined;
    const kind = this.#head.getUint8(4);
    this.#head = undefined;
    return { kind, bytes: this.#cut(sizeBytes) };
  }

  #cut(sizeBytes: number): Uint8Array {
    const [first] = this.#pieces;
    if (!first || first.byteLength < sizeBytes) {
      this.#pieces = [Buffer.concat(this.#pieces)];
      return this.#cut(sizeBytes);
    }
    this.size -= sizeBytes;
    if (first.byteLength === sizeBytes) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(sizeBytes);
    return first.subarray(0, sizeBytes);
  }
}

function framed(kind: number, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEAD_BYTES + bytes.byteLength);
  new DataView(frame.buffer).setUint32(0, bytes.byteLength);
  frame[4] = kind;
  frame.set(bytes, HEAD_BYTES);
  return frame;
}

/** Data that JSON cannot say, or that is too much, is left out rather than the failure. */
function failureBytes(failure: Failure): Uint8Array {
  const { code, message, retryable } = failure;
  try {
    const whole = new TextEncoder().encode(JSON.stringify(failure.toJSON()));
    if (whole.byteLength <= ITEM_BYTES_MAX) return whole;
  } catch {
    // Said without its data below.
  }
  return new TextEncoder().encode(JSON.stringify({ code, message: message.slice(0, 1_000), retryable }));
}

function failureOf(bytes: Uint8Array): Failure {
  let read: Partial<Record<keyof FailureJson, unknown>>;
  try {
    read = JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return broken("its last item is no failure");
  }
  const { code, data, message, retryable } = read;
  if (typeof code !== "string" || typeof message !== "string") return broken("its last item is no failure");
  const isRecord = typeof data === "object" && data !== null && !Array.isArray(data);
  return Failure.fromJSON({
    code,
    message,
    retryable: retryable === true,
    ...(isRecord && { data: data as Record<string, unknown> }), // looked at beside it
  });
}

function tooLarge(sizeBytes: number): Failure {
  return new Failure(
    "service.item_too_large",
    `an item of a stream has ${sizeBytes} bytes; at most ${ITEM_BYTES_MAX} are allowed`,
  );
}

function broken(why: string): Failure {
  return new Failure("service.stream_broken", `a stream between nodes is not readable: ${why}`);
}

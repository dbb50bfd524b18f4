/**
 * The way out of a connection: heads and small frames go straight into the output; DATA waits for the peer's windows and for the
 * socket (`pull`), one frame for each stream in turn. What fits at once goes at once.
 */
import type { HeaderList, ReplyHead, RequestHead } from "../http/index.ts";
import { FLAG, FRAME, FRAME_HEAD_BYTES } from "./frames.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import { PULL_BYTES, STREAM_QUEUE_BYTES, TABLE_BYTES, WINDOW_BYTES_DEFAULT, WINDOW_BYTES_MAX } from "./limits.ts";
import { Output, writeFrameHead } from "./output.ts";
import type { Http2Stream } from "./stream.ts";
import { StreamLine } from "./stream-line.ts";

export interface SenderOwner<T> {
  onOutput(): void;
  onReady(stream: Http2Stream<T>): void;
  /** END_STREAM is in the output. */
  onLocalEnd(stream: Http2Stream<T>): void;
}

/** Each status as text, made once. */
const STATUS_TEXTS = new Map<number, string>();
for (let status = 100; status <= 599; status++) STATUS_TEXTS.set(status, String(status));

export class Sender<T> {
  readonly output = new Output();
  readonly encoder = new HpackEncoder(TABLE_BYTES);
  /** What the peer takes on all streams together. */
  window = WINDOW_BYTES_DEFAULT;
  frameBytesMax = 16_384;
  /** Frames with DATA since the last look: each of them may be answered by two WINDOW_UPDATEs. */
  dataFrames = 0;
  readonly #owner: SenderOwner<T>;
  readonly #line = new StreamLine<T>();
  /** Full streams that have room again; told once the sender itself is done. */
  #roomy: Http2Stream<T>[] = [];

  constructor(owner: SenderOwner<T>) {
    this.#owner = owner;
  }

  /** There are bytes, or DATA that could be bytes. */
  get hasOutput(): boolean {
    return this.output.at > 0 || (this.window > 0 && this.#line.length > 0);
  }

  /** Call before and after: whether the owner has to be told. */
  #wrote(wasEmpty: boolean): void {
    if (wasEmpty) this.#owner.onOutput();
  }

  frame(length: number, type: number, flags: number, id: number): Output {
    const wasEmpty = this.output.at === 0;
    this.output.frame(length, type, flags, id);
    this.#wrote(wasEmpty);
    return this.output;
  }

  windowUpdate(id: number, bytes: number): void {
    this.frame(4, FRAME.windowUpdate, 0, id).uint32(bytes);
  }

  reset(id: number, code: number): void {
    this.frame(4, FRAME.reset, 0, id).uint32(code);
  }

  request(stream: Http2Stream<T>, head: RequestHead, isEnded: boolean): void {
    const start = this.#beginHead();
    const { encoder, output } = this;
    const isTunnel = head.method === "CONNECT" && head.protocol === undefined;
    encoder.field(output, ":method", head.method);
    if (!isTunnel) encoder.field(output, ":scheme", head.scheme);
    if (head.protocol !== undefined) encoder.field(output, ":protocol", head.protocol);
    encoder.field(output, ":authority", head.authority);
    if (!isTunnel) encoder.field(output, ":path", head.target);
    this.#fields(head.headers);
    this.#endHead(stream, start, isEnded);
  }

  reply(stream: Http2Stream<T>, head: ReplyHead, isEnded: boolean): void {
    const start = this.#beginHead();
    this.encoder.field(this.output, ":status", STATUS_TEXTS.get(head.status) ?? "500");
    this.#fields(head.headers);
    this.#endHead(stream, start, isEnded);
  }

  #trailers(stream: Http2Stream<T>, trailers: HeaderList): void {
    const start = this.#beginHead();
    this.#fields(trailers);
    this.#endHead(stream, start, true);
  }

  #beginHead(): number {
    const start = this.output.at;
    this.output.ensure(FRAME_HEAD_BYTES + 128);
    this.output.at = start + FRAME_HEAD_BYTES;
    this.encoder.begin(this.output);
    return start;
  }

  /** Pseudo fields have no place here; `host` is `:authority`. */
  #fields(list: HeaderList): void {
    const { encoder, output } = this;
    for (let at = 0; at < list.length; at += 2) {
      const name = list[at]!;
      if (name !== "host" && name.charCodeAt(0) !== 0x3a) encoder.field(output, name, list[at + 1]!);
    }
  }

  #endHead(stream: Http2Stream<T>, start: number, isEnded: boolean): void {
    const { output } = this;
    const length = output.at - start - FRAME_HEAD_BYTES;
    const first = Math.min(length, this.frameBytesMax);
    const end = isEnded ? FLAG.endStream : 0;
    writeFrameHead(
      output.bytes,
      start,
      first,
      FRAME.headers,
      end | (first === length ? FLAG.endHeaders : 0),
      stream.id,
    );
    if (first < length) this.#continue(stream.id, start + FRAME_HEAD_BYTES + first, length - first);
    stream.lastFrameAt = output.taken + start;
    if (isEnded) this.#ended(stream);
    this.#wrote(start === 0);
  }

  /** What does not fit into the first frame is moved apart, for the heads of its further frames. */
  #continue(id: number, from: number, length: number): void {
    const { output } = this;
    const rest = output.bytes.slice(from, from + length);
    output.at = from;
    for (let at = 0; at < length; at += this.frameBytesMax) {
      const piece = rest.subarray(at, at + this.frameBytesMax);
      output.frame(piece.length, FRAME.continuation, at + piece.length === length ? FLAG.endHeaders : 0, id);
      output.append(piece);
    }
  }

  /** False: enough is waiting, `onReady` will say when to go on. The chunk is ours. */
  data(stream: Http2Stream<T>, chunk: Uint8Array, isEnd: boolean): boolean {
    const { length } = chunk;
    const fits =
      stream.queuedBytes === 0 &&
      this.#line.length === 0 &&
      length <= stream.sendWindow &&
      length <= this.window &&
      length <= this.frameBytesMax &&
      this.output.at < PULL_BYTES;
    if (fits) {
      this.#write(stream, chunk, isEnd);
      return true;
    }
    if (length > 0) stream.chunks.push(chunk);
    stream.queuedBytes += length;
    stream.wantsEnd = isEnd;
    this.#lineUp(stream);
    if (stream.queuedBytes < STREAM_QUEUE_BYTES) return true;
    stream.isFull = true;
    return false;
  }

  #write(stream: Http2Stream<T>, chunk: Uint8Array, isEnd: boolean): void {
    const { length } = chunk;
    if (length === 0 && !isEnd) return;
    const { output } = this;
    const start = output.at;
    stream.lastFrameAt = output.taken + start;
    stream.sendWindow -= length;
    stream.sentBytes += length;
    this.window -= length;
    this.dataFrames++;
    output.frame(length, FRAME.data, isEnd ? FLAG.endStream : 0, stream.id);
    output.append(chunk);
    if (isEnd) this.#ended(stream);
    this.#wrote(start === 0);
  }

  end(stream: Http2Stream<T>, trailers: HeaderList | undefined): void {
    const hasTrailers = trailers !== undefined && trailers.length > 0;
    if (stream.queuedBytes > 0) {
      stream.wantsEnd = true;
      stream.trailers = hasTrailers ? trailers : undefined;
    } else if (hasTrailers) this.#trailers(stream, trailers);
    else this.#endNow(stream);
  }

  /** Where the last frame of the stream has not left yet, it becomes the last one. */
  #endNow(stream: Http2Stream<T>): void {
    const { output } = this;
    const at = stream.lastFrameAt - output.taken;
    if (at < 0) return this.#write(stream, NOTHING, true);
    output.bytes[at + 4]! |= FLAG.endStream;
    this.#ended(stream);
  }

  #ended(stream: Http2Stream<T>): void {
    stream.isLocalEnded = true;
    this.#owner.onLocalEnd(stream);
  }

  #lineUp(stream: Http2Stream<T>): void {
    if (stream.isLined || stream.isClosed) return;
    if (stream.sendWindow <= 0 && stream.queuedBytes > 0) return;
    const wasIdle = !this.hasOutput;
    stream.isLined = true;
    this.#line.push(stream);
    if (wasIdle && this.hasOutput) this.#owner.onOutput();
  }

  /** What waited of a stream is dropped. */
  forget(stream: Http2Stream<T>): void {
    stream.chunks = [];
    stream.queuedBytes = 0;
    stream.isFull = false;
    if (stream.isLined) this.#line.remove(stream);
    stream.isLined = false;
  }

  /** False: the window would be larger than it may be. */
  widen(stream: Http2Stream<T>, bytes: number): boolean {
    if (stream.sendWindow + bytes > WINDOW_BYTES_MAX) return false;
    stream.sendWindow += bytes;
    if (stream.queuedBytes > 0) this.#lineUp(stream);
    return true;
  }

  widenAll(bytes: number): boolean {
    if (this.window + bytes > WINDOW_BYTES_MAX) return false;
    const wasIdle = !this.hasOutput;
    this.window += bytes;
    if (wasIdle && this.hasOutput) this.#owner.onOutput();
    return true;
  }

  /** All that may be written now; undefined: nothing. It is the caller's. */
  pull(): Uint8Array | undefined {
    while (this.#line.length > 0 && this.window > 0 && this.output.at < PULL_BYTES) this.#sendFirst();
    const bytes = this.output.at > 0 ? this.output.take() : undefined;
    if (this.#roomy.length > 0) this.#tellRoomy();
    return bytes;
  }

  /** One frame of the stream whose turn it is. */
  #sendFirst(): void {
    const stream = this.#line.shift();
    stream.isLined = false;
    const length = Math.min(stream.queuedBytes, stream.sendWindow, this.window, this.frameBytesMax);
    if (length <= 0) return; // its window was made smaller; a WINDOW_UPDATE lines it up again
    const isLast = length === stream.queuedBytes && stream.wantsEnd;
    const { output } = this;
    stream.lastFrameAt = output.taken + output.at;
    output.frame(length, FRAME.data, isLast && stream.trailers === undefined ? FLAG.endStream : 0, stream.id);
    this.#copy(stream, length);
    stream.sendWindow -= length;
    stream.sentBytes += length;
    this.window -= length;
    this.dataFrames++;
    if (stream.queuedBytes > 0) this.#lineUp(stream);
    if (stream.isFull && stream.queuedBytes < STREAM_QUEUE_BYTES / 2) {
      stream.isFull = false;
      this.#roomy.push(stream);
    }
    if (!isLast) return;
    if (stream.trailers !== undefined) this.#trailers(stream, stream.trailers);
    else this.#ended(stream);
  }

  /** So many bytes from the front of the stream's chunks into the output, where there is room for them. */
  #copy(stream: Http2Stream<T>, length: number): void {
    const { output } = this;
    const { chunks } = stream;
    for (let left = length; left > 0; ) {
      const chunk = chunks[stream.chunkFirst]!;
      const taken = Math.min(left, chunk.length - stream.chunkAt);
      output.bytes.set(
        taken === chunk.length ? chunk : chunk.subarray(stream.chunkAt, stream.chunkAt + taken),
        output.at,
      );
      output.at += taken;
      left -= taken;
      stream.chunkAt += taken;
      if (stream.chunkAt < chunk.length) continue;
      stream.chunkAt = 0;
      chunks[stream.chunkFirst++] = undefined;
    }
    stream.queuedBytes -= length;
    if (stream.chunkFirst < chunks.length && stream.chunkFirst < SENT_CHUNKS_KEPT) return;
    chunks.splice(0, stream.chunkFirst);
    stream.chunkFirst = 0;
  }

  #tellRoomy(): void {
    const roomy = this.#roomy;
    this.#roomy = [];
    for (const stream of roomy) if (!stream.isClosed) this.#owner.onReady(stream);
  }
}

const NOTHING = new Uint8Array(0);
/** Places of chunks that are sent, before they are given up: moving the others costs something. */
const SENT_CHUNKS_KEPT = 64;

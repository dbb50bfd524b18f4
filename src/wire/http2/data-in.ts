/**
 * DATA coming in, and the windows that allow it. The connection's window is given back as soon as its bytes are here: a stream that nobody
 * reads must not stop the others. What the owner has to keep is bounded by the streams' windows, which are given back when it has
 * consumed: they are small at first, and grow while it consumes at once, all of them together by so much.
 */
import type { Core } from "./core.ts";
import { FLAG } from "./frames.ts";
import { LINGER_BYTES_MAX, WINDOW_BYTES_DEFAULT } from "./limits.ts";
import type { Http2Stream } from "./stream.ts";
import { ERROR, type Http2Limits } from "./words.ts";

export class DataIn<T> {
  /** More is held than is good for further streams. */
  isFull = false;
  readonly #core: Core<T>;
  readonly #limits: Http2Limits;
  #unannounced = 0;
  /** Given to the owner and not consumed, on all streams, also on those that are over. */
  #heldBytes = 0;
  /** By so much windows may still grow. */
  #growthLeft: number;
  /** Of the frame that is being read: its stream, unless it is of no interest. */
  #stream: Http2Stream<T> | undefined;
  #length = 0;
  #isLast = false;

  constructor(core: Core<T>) {
    this.#core = core;
    this.#limits = core.limits;
    this.#growthLeft = core.limits.grownBytesMax;
    core.onHeld = (stream) => this.#release(stream, stream.heldBytes);
    core.onClosed = (stream) => this.#shrink(stream);
    core.onLingering = (stream) => this.#letLinger(stream);
  }

  /** The connection's window has no setting: it is made larger by a frame. */
  open(): void {
    const more = this.#limits.connectionWindowBytes - WINDOW_BYTES_DEFAULT;
    if (more > 0) this.#core.sender.windowUpdate(0, more);
  }

  begin(flags: number, id: number, length: number): void {
    this.#stream = undefined;
    this.#length = length;
    const core = this.#core;
    if (id === 0) return core.fail(ERROR.protocol, "DATA on no stream");
    this.#isLast = (flags & FLAG.endStream) !== 0;
    if (length > 0) core.earnIdle(1);
    else if (!this.#isLast && !core.spendIdle()) return;
    const stream = core.streams.get(id);
    if (stream === undefined) this.#onNoStream(id);
    else if (stream.isRemoteEnded) core.cut(stream, ERROR.streamClosed, "DATA after its end");
    else if (!stream.hasHead) core.cut(stream, ERROR.protocol, "DATA before a head");
    else if (length > stream.receiveWindow) core.cut(stream, ERROR.flowControl, "more DATA than its window");
    else {
      stream.receiveWindow -= length;
      this.#stream = stream;
    }
  }

  /** Of a stream that we cut, DATA may still be on its way; a client forgets its streams sooner than the server. */
  #onNoStream(id: number): void {
    const core = this.#core;
    if (core.isIdle(id)) core.fail(ERROR.protocol, `DATA on stream ${id}, which has not begun`);
    else if (core.isServer && !core.wasCut(id) && id <= core.lastServedId)
      core.fail(ERROR.streamClosed, `DATA on stream ${id}, which is over`);
    else core.spendIdle();
  }

  piece(chunk: Uint8Array): void {
    const stream = this.#stream;
    const { length } = chunk;
    if (stream === undefined || stream.isClosed) return;
    if (stream.bytesLeft >= 0) {
      stream.bytesLeft -= length;
      if (stream.bytesLeft < 0) return this.#core.cut(stream, ERROR.protocol, "more DATA than content-length");
    }
    if (stream.isUnwanted) return;
    stream.heldBytes += length;
    this.#heldBytes += length;
    if (this.#heldBytes > this.#limits.heldBytesMax) this.isFull = true;
    this.#core.handler.onData(stream, chunk);
  }

  end(padding: number): void {
    const stream = this.#stream;
    this.#arrived();
    if (padding > 0 && stream !== undefined) this.#credit(stream, padding);
    if (stream === undefined || !this.#isLast || stream.isClosed) return;
    if (stream.bytesLeft > 0) return this.#core.cut(stream, ERROR.protocol, "less DATA than content-length");
    stream.isRemoteEnded = true;
    this.#core.handler.onEnd(stream, undefined);
    this.#core.settle(stream);
  }

  /** The owner has no need of that many bytes of the stream any more. */
  consumed(stream: Http2Stream<T>, bytes: number): void {
    const counted = Math.min(bytes, stream.heldBytes);
    if (counted === 0) return;
    this.#release(stream, counted);
    this.#credit(stream, counted);
  }

  /** Nor of any others. */
  unwanted(stream: Http2Stream<T>): void {
    stream.isUnwanted = true;
    this.#release(stream, stream.heldBytes);
  }

  /**
   * Its reply is whole: what still comes is dropped, and the windows are opened once, by all that is let in: a client that has read the
   * whole reply may not look at what comes behind it (curl does not), and would wait for its windows for ever. The connection's is
   * larger by no more than that, however many linger: what comes next pays it back.
   */
  #letLinger(stream: Http2Stream<T>): void {
    this.unwanted(stream);
    const { sender } = this.#core;
    stream.receiveWindow += LINGER_BYTES_MAX;
    sender.windowUpdate(stream.id, LINGER_BYTES_MAX);
    const more = LINGER_BYTES_MAX + Math.min(0, this.#unannounced);
    if (more === 0) return;
    this.#unannounced -= more;
    sender.windowUpdate(0, more);
  }

  #credit(stream: Http2Stream<T>, bytes: number): void {
    if (stream.isClosed || stream.isRemoteEnded || stream.isUnwanted) return;
    stream.unannounced += bytes;
    if (stream.unannounced * 2 < stream.windowBytes) return;
    const more = stream.unannounced + this.#grow(stream);
    this.#core.sender.windowUpdate(stream.id, more);
    stream.receiveWindow += more;
    stream.unannounced = 0;
  }

  /** Only for whoever takes all that comes: to others a larger window is only more to keep. */
  #grow(stream: Http2Stream<T>): number {
    if (stream.heldBytes > 0) return 0;
    const { windowBytes } = stream;
    const more = Math.max(0, Math.min(windowBytes, this.#limits.streamWindowBytesMax - windowBytes, this.#growthLeft));
    stream.windowBytes += more;
    this.#growthLeft -= more;
    return more;
  }

  /** What a window had grown by is for others, once nothing of the stream is or will be held. */
  #shrink(stream: Http2Stream<T>): void {
    if (stream.heldBytes > 0 || !(stream.isClosed || stream.isRemoteEnded)) return;
    this.#growthLeft += stream.windowBytes - this.#limits.streamWindowBytes;
    stream.windowBytes = this.#limits.streamWindowBytes;
  }

  #release(stream: Http2Stream<T>, bytes: number): void {
    stream.heldBytes -= bytes;
    this.#heldBytes -= bytes;
    this.#shrink(stream);
    if (!this.isFull || this.#heldBytes * 2 > this.#limits.heldBytesMax) return;
    this.isFull = false;
    if (!this.#core.isServer) this.#core.handler.onRoom();
  }

  /** A frame is here: whatever becomes of it, as many bytes of any stream may follow. */
  #arrived(): void {
    this.#unannounced += this.#length;
    if (this.#unannounced * 2 < this.#limits.connectionWindowBytes || this.#core.isOver) return;
    this.#core.sender.windowUpdate(0, this.#unannounced);
    this.#unannounced = 0;
  }
}

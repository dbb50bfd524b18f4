/** Frames coming in, each held to what RFC 9113, section 6, says of its kind: its length, its stream, its order. */
import { Failure } from "../../base/errors.ts";
import type { Core } from "./core.ts";
import type { DataIn } from "./data-in.ts";
import type { FrameTaker } from "./frame-reader.ts";
import { FLAG, FRAME } from "./frames.ts";
import type { HeadsIn } from "./heads-in.ts";
import { ERROR, errorName } from "./words.ts";

/** What a frame can mean to the connection as a whole. */
export interface FramesOwner {
  onSettings(): void;
  onPong(bytes: Uint8Array, at: number): void;
  onGoaway(): void;
}

export class FramesIn<T> implements FrameTaker {
  readonly #core: Core<T>;
  readonly #data: DataIn<T>;
  readonly #heads: HeadsIn<T>;
  readonly #owner: FramesOwner;
  #isFirst = true;
  /** The peer has to answer our settings once. */
  #acksLeft = 1;

  constructor(core: Core<T>, data: DataIn<T>, heads: HeadsIn<T>, owner: FramesOwner) {
    this.#core = core;
    this.#data = data;
    this.#heads = heads;
    this.#owner = owner;
  }

  get isOver(): boolean {
    return this.#core.isOver;
  }

  onBadPreface(): void {
    this.#core.fail(ERROR.protocol, "no HTTP/2 preface");
  }

  onTooLarge(length: number, type: number): void {
    this.#core.fail(ERROR.frameSize, `a frame of type ${type} with ${length} bytes`);
  }

  onBadPadding(): void {
    this.#core.fail(ERROR.protocol, "padding larger than DATA");
  }

  onDataFrame(flags: number, id: number, length: number): void {
    if (this.#isOrdered(FRAME.data, id, flags)) this.#data.begin(flags, id, length);
  }

  onDataPiece(chunk: Uint8Array): void {
    this.#data.piece(chunk);
  }

  onDataFrameEnd(padding: number): void {
    this.#data.end(padding);
  }

  /** Settings come first, and nothing comes between the pieces of a head. */
  #isOrdered(type: number, id: number, flags: number): boolean {
    const core = this.#core;
    if (this.#isFirst) {
      this.#isFirst = false;
      if (type !== FRAME.settings || flags & FLAG.ack) core.fail(ERROR.protocol, "the first frame is not SETTINGS");
    }
    const { openId } = this.#heads;
    if (openId !== 0 && (type !== FRAME.continuation || id !== openId))
      core.fail(ERROR.protocol, "a frame between the pieces of a head");
    return !core.isOver;
  }

  onFrame(type: number, flags: number, id: number, bytes: Uint8Array, at: number, end: number): void {
    if (!this.#isOrdered(type, id, flags)) return;
    switch (type) {
      case FRAME.headers:
        return this.#heads.headers(flags, id, bytes, at, end);
      case FRAME.continuation:
        return this.#heads.continuation(flags, id, bytes, at, end);
      case FRAME.windowUpdate:
        return this.#windowUpdate(id, bytes, at, end);
      case FRAME.reset:
        return this.#reset(id, bytes, at, end);
      case FRAME.settings:
        return this.#settings(flags, id, bytes, at, end);
      case FRAME.ping:
        return this.#ping(flags, id, bytes, at, end);
      case FRAME.goaway:
        return this.#goaway(id, bytes, at, end);
      case FRAME.priority:
        return this.#priority(id, bytes, at, end);
      case FRAME.pushPromise:
        return this.#core.fail(ERROR.protocol, "PUSH_PROMISE, which was not allowed");
      default:
        this.#core.spendIdle(); // unknown ones are to be ignored
    }
  }

  #windowUpdate(id: number, bytes: Uint8Array, at: number, end: number): void {
    const core = this.#core;
    if (end - at !== 4) return core.fail(ERROR.frameSize, `WINDOW_UPDATE of ${end - at} bytes`);
    const more = uint31(bytes, at);
    if (!core.spendIdle()) return;
    if (id === 0) {
      if (more === 0) core.fail(ERROR.protocol, "WINDOW_UPDATE by 0");
      else if (!core.sender.widenAll(more)) core.fail(ERROR.flowControl, "the connection's window is too large");
      return;
    }
    const stream = core.streams.get(id);
    if (stream === undefined) {
      if (core.isIdle(id)) core.fail(ERROR.protocol, `WINDOW_UPDATE on stream ${id}, which has not begun`);
    } else if (more === 0) core.cut(stream, ERROR.protocol, "WINDOW_UPDATE by 0");
    else if (!core.sender.widen(stream, more)) core.cut(stream, ERROR.flowControl, "its window is too large");
  }

  #reset(id: number, bytes: Uint8Array, at: number, end: number): void {
    const core = this.#core;
    if (end - at !== 4) return core.fail(ERROR.frameSize, `RST_STREAM of ${end - at} bytes`);
    if (id === 0 || core.isIdle(id))
      return core.fail(ERROR.protocol, `RST_STREAM on stream ${id}, which has not begun`);
    const stream = core.streams.get(id);
    if (stream === undefined) core.spendIdle();
    else core.cutByPeer(stream, uint32(bytes, at));
  }

  #settings(flags: number, id: number, bytes: Uint8Array, at: number, end: number): void {
    const core = this.#core;
    if (id !== 0) return core.fail(ERROR.protocol, "SETTINGS on a stream");
    if (flags & FLAG.ack) {
      if (end > at) core.fail(ERROR.frameSize, "an acknowledgement of SETTINGS that is not empty");
      else if (this.#acksLeft-- <= 0) core.spendIdle();
      return;
    }
    if ((end - at) % 6 !== 0) return core.fail(ERROR.frameSize, `SETTINGS of ${end - at} bytes`);
    if (!core.spendIdle()) return;
    const before = core.peer.windowBytes;
    const fault = core.peer.read(bytes, at, end);
    if (fault !== undefined) return core.fail(fault.code, fault.text);
    core.sender.encoder.allow(core.peer.tableBytes);
    if (!this.#moveWindows(core.peer.windowBytes - before)) return;
    core.sender.frame(0, FRAME.settings, FLAG.ack, 0);
    this.#owner.onSettings();
  }

  /** A new initial window moves the windows of all open streams (RFC 9113, 6.9.2). */
  #moveWindows(by: number): boolean {
    if (by === 0) return true;
    for (const stream of this.#core.streams.values()) {
      if (this.#core.sender.widen(stream, by)) continue;
      this.#core.fail(ERROR.flowControl, `the initial window makes that of stream ${stream.id} too large`);
      return false;
    }
    return true;
  }

  #ping(flags: number, id: number, bytes: Uint8Array, at: number, end: number): void {
    const core = this.#core;
    if (id !== 0) return core.fail(ERROR.protocol, "PING on a stream");
    if (end - at !== 8) return core.fail(ERROR.frameSize, `PING of ${end - at} bytes`);
    if (flags & FLAG.ack) return this.#owner.onPong(bytes, at);
    if (core.spendIdle()) core.sender.frame(8, FRAME.ping, FLAG.ack, 0).append(bytes.subarray(at, end));
  }

  #goaway(id: number, bytes: Uint8Array, at: number, end: number): void {
    const core = this.#core;
    if (id !== 0) return core.fail(ERROR.protocol, "GOAWAY on a stream");
    if (end - at < 8) return core.fail(ERROR.frameSize, `GOAWAY of ${end - at} bytes`);
    if (!core.spendIdle()) return;
    const lastId = uint31(bytes, at);
    const code = uint32(bytes, at + 4);
    this.#owner.onGoaway(); // before streams are given back: they must not come again to this connection
    if (!core.isServer) {
      const failure = new Failure("http2.goaway", `the server takes no more requests: ${errorName(code)}`, {
        data: { code },
      });
      for (const stream of [...core.streams.values()]) if (stream.id > lastId) core.end(stream, failure, true);
    }
    core.handler.onPeer();
  }

  #priority(id: number, bytes: Uint8Array, at: number, end: number): void {
    const core = this.#core;
    if (id === 0) return core.fail(ERROR.protocol, "PRIORITY on no stream");
    const stream = core.streams.get(id);
    if (end - at !== 5) {
      // The error of a stream, where there is one to cut.
      if (stream !== undefined) core.cut(stream, ERROR.frameSize, `PRIORITY of ${end - at} bytes`);
      else core.fail(ERROR.frameSize, `PRIORITY of ${end - at} bytes`);
      return;
    }
    if (!core.spendIdle() || uint31(bytes, at) !== id) return;
    if (stream !== undefined) core.cut(stream, ERROR.protocol, "it depends on itself");
    else if (core.isIdle(id)) core.fail(ERROR.protocol, "a stream that depends on itself");
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function uint31(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at) & 0x7fffffff;
}

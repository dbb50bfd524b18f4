/**
 * One HTTP/2 connection, either side of it, as a machine: bytes come in by `receive`, bytes go out by `pull`, and what happens is told to a
 * handler. It holds no socket, no timer and no promise; how long anything may take is its owner's matter. It waits for nothing but
 * the peer's windows, and keeps no more than they allow.
 */
import { assert, Failure } from "../../base/errors.ts";
import type { HeaderList, ReplyHead, RequestHead } from "../http/index.ts";
import { Core } from "./core.ts";
import { DataIn } from "./data-in.ts";
import { FrameReader } from "./frame-reader.ts";
import { FRAME, PREFACE, SETTING } from "./frames.ts";
import { FramesIn, type FramesOwner } from "./frames-in.ts";
import { HeadsIn } from "./heads-in.ts";
import { STREAM_ID_MAX, WINDOW_BYTES_DEFAULT } from "./limits.ts";
import { Http2Stream } from "./stream.ts";
import { ERROR, type Http2Handler, type Http2Options } from "./words.ts";

/** The first byte of our pings: the owner's, and the one that ends a drain. */
const PING_OWN = 1;
const PING_DRAIN = 2;

export class Http2Connection<T> implements FramesOwner {
  readonly #core: Core<T>;
  readonly #data: DataIn<T>;
  readonly #heads: HeadsIn<T>;
  readonly #reader: FrameReader;
  #nextId = 1;
  #isDraining = false;
  #isTold = false;

  constructor(handler: Http2Handler<T>, options: Http2Options) {
    assert(options.limits.streamWindowBytes >= WINDOW_BYTES_DEFAULT, "a window smaller than the one that peers assume");
    this.#core = new Core<T>(handler, options);
    this.#data = new DataIn<T>(this.#core);
    this.#heads = new HeadsIn<T>(this.#core);
    const frames = new FramesIn<T>(this.#core, this.#data, this.#heads, this);
    this.#reader = new FrameReader(frames, this.#core.isServer);
  }

  get isOver(): boolean {
    return this.#core.isOver;
  }

  /** Streams under way. */
  get active(): number {
    return this.#core.streams.size;
  }

  /** A client's: how many more requests it takes now; none while too much of other replies waits for whoever reads them. */
  get room(): number {
    const core = this.#core;
    if (core.isOver || this.#isDraining || this.#nextId > STREAM_ID_MAX || this.#data.isFull) return 0;
    return Math.max(0, Math.min(core.limits.streamsMax, core.peer.streamsMax) - core.streams.size);
  }

  /** A client's: how many requests it takes at once; undefined: the peer's settings have not come. */
  get streamsMax(): number | undefined {
    const { limits, peer } = this.#core;
    return peer.isKnown ? Math.min(limits.streamsMax, peer.streamsMax) : undefined;
  }

  /** No new streams: we drain, or the peer said GOAWAY. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** A client's: the server takes extended CONNECT. */
  get takesConnect(): boolean {
    return this.#core.peer.takesConnect;
  }

  /** The peer's settings are there. */
  get isKnown(): boolean {
    return this.#core.peer.isKnown;
  }

  /** Bytes in the output, without DATA that waits. */
  get waitingBytes(): number {
    return this.#core.sender.output.at;
  }

  /** A head, or another frame, has begun and is not whole. */
  get isMidFrame(): boolean {
    return this.#heads.openId !== 0 || this.#reader.isMidFrame;
  }

  /** There is something to `pull`. */
  get hasOutput(): boolean {
    return this.#core.sender.hasOutput;
  }

  /** Says who we are; the first call. */
  start(): void {
    const { sender, limits, isServer, takesConnect } = this.#core;
    if (!isServer) sender.output.append(PREFACE);
    const settings: [number, number][] = [
      [SETTING.initialWindowSize, limits.streamWindowBytes],
      [SETTING.maxHeaderListSize, limits.headerListBytesMax],
      isServer ? [SETTING.maxConcurrentStreams, limits.streamsMax] : [SETTING.enablePush, 0],
    ];
    if (isServer && takesConnect) settings.push([SETTING.enableConnectProtocol, 1]);
    const out = sender.frame(settings.length * 6, FRAME.settings, 0, 0);
    for (const [id, value] of settings) {
      out.uint16(id);
      out.uint32(value);
    }
    this.#data.open();
  }

  /** The chunk is ours: slices of it are given to the handler. `nowMs` from a monotonic clock. */
  receive(chunk: Uint8Array, nowMs: number): void {
    const core = this.#core;
    if (core.isOver) return;
    core.nowMs = nowMs;
    if (core.sender.dataFrames > 0) {
      core.earnIdle(core.sender.dataFrames);
      core.sender.dataFrames = 0;
    }
    this.#reader.read(chunk);
  }

  /** Bytes to write now; undefined: none. Not to be called out of `onOutput`. They are the caller's; call it again once they are written. */
  pull(): Uint8Array | undefined {
    return this.#core.sender.pull();
  }

  /** A client's: only while there is `room`. `isEnded`: no body follows. */
  request(head: RequestHead, isEnded: boolean, state: T): Http2Stream<T> {
    const core = this.#core;
    assert(this.room > 0, "a request without room for it");
    const stream = new Http2Stream<T>(this.#nextId, core.limits.streamWindowBytes, core.peer.windowBytes);
    core.youngestId = this.#nextId;
    this.#nextId += 2;
    stream.state = state;
    stream.isHead = head.method === "HEAD";
    stream.isConnect = head.method === "CONNECT";
    core.streams.set(stream.id, stream);
    core.sender.request(stream, head, isEnded);
    return stream;
  }

  /** A server's: the reply's head. `isEnded`: no body follows. */
  reply(stream: Http2Stream<T>, head: ReplyHead, isEnded: boolean): void {
    if (stream.isClosed) return;
    stream.isTunnel = stream.isConnect && head.status < 300;
    stream.isUnheeded = head.status < 300;
    this.#core.sender.reply(stream, head, isEnded);
  }

  /** A server's: an interim reply. */
  inform(stream: Http2Stream<T>, head: ReplyHead): void {
    if (!stream.isClosed) this.#core.sender.reply(stream, head, false);
  }

  /** The chunk is ours. False: enough is waiting, go on at `onReady`. `isEnd`: it is the last one. */
  data(stream: Http2Stream<T>, chunk: Uint8Array, isEnd = false): boolean {
    return stream.isClosed || this.#core.sender.data(stream, chunk, isEnd);
  }

  end(stream: Http2Stream<T>, trailers?: HeaderList): void {
    if (!stream.isClosed) this.#core.sender.end(stream, trailers);
  }

  /** RST_STREAM: the owner wants no more of it. No `onReset` follows, but `onStreamClosed`. */
  reset(stream: Http2Stream<T>, code: number): void {
    if (!stream.isClosed) this.#core.drop(stream, code);
  }

  /** So many bytes of `onData` are dealt with: the peer may send as many more. Also after the stream's end. */
  consumed(stream: Http2Stream<T>, bytes: number): void {
    this.#data.consumed(stream, bytes);
  }

  /** What comes of it, and what has come, is of no use: it is dropped, and not told any more; that it ends is. */
  unwanted(stream: Http2Stream<T>): void {
    this.#data.unwanted(stream);
    if (this.#core.isServer && stream.isLocalEnded && !stream.isClosed) this.#core.onLocalEnd(stream);
  }

  /** Answered by `onPong`. */
  ping(): void {
    this.#ping(PING_OWN);
  }

  #ping(kind: number): void {
    const out = this.#core.sender.frame(8, FRAME.ping, 0, 0);
    out.uint32(kind);
    out.uint32(0);
  }

  /**
   * No new streams. A server says so first, hears that the client has read it, and then names the last stream that it serves; once all
   * are over, so is the connection.
   */
  drain(): void {
    if (this.#isDraining || this.#core.isOver) return;
    this.#isDraining = true;
    if (this.#core.isServer) {
      this.#core.goaway(STREAM_ID_MAX, ERROR.none);
      this.#ping(PING_DRAIN);
    } else this.#overWhenDrained();
  }

  /** A server's: a client that does not answer (`drain`) has had its time; from now on its new streams are refused. */
  endDrain(): void {
    if (!this.#isDraining || this.#isTold || this.#core.isOver) return;
    this.#isTold = true;
    this.#core.lastServedId = this.#core.youngestId;
    this.#core.goaway(this.#core.youngestId, ERROR.none);
    this.#overWhenDrained();
  }

  /** To be called by the owner when a stream is over, at the end of its turn. */
  settle(): void {
    if (this.#isDraining && (this.#isTold || !this.#core.isServer)) this.#overWhenDrained();
  }

  #overWhenDrained(): void {
    if (this.#core.streams.size > 0) return;
    this.#core.finish(new Failure("http2.drained", "the connection has served its last stream"), ERROR.none);
  }

  /** At once: all streams fail with it, and the peer is told. */
  close(failure: Failure, code: number = ERROR.none): void {
    this.#core.finish(failure, code);
  }

  /** The socket is gone. */
  lost(failure: Failure): void {
    this.#core.finish(failure, undefined);
  }

  onSettings(): void {
    const { sender, peer, handler } = this.#core;
    sender.frameBytesMax = peer.frameBytesMax;
    handler.onPeer();
  }

  onPong(bytes: Uint8Array, at: number): void {
    const kind = bytes[at + 3]!;
    if (kind !== PING_DRAIN || !this.#isDraining || this.#isTold) return this.#core.handler.onPong();
    this.endDrain();
  }

  onGoaway(): void {
    if (!this.#core.isServer) this.#isDraining = true;
  }
}

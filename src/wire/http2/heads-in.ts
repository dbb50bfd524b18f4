/**
 * Heads coming in: HEADERS and their CONTINUATIONs are put together (bounded), decoded whatever becomes of them, and then told as a
 * request, a reply, an interim reply or trailers, or refused.
 */
import type { ReplyHead } from "../http/index.ts";
import type { Core } from "./core.ts";
import { FLAG } from "./frames.ts";
import { HeadBlock } from "./head-block.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import { BLOCK_OVERHEAD, CONTINUATIONS_MAX, TABLE_BYTES } from "./limits.ts";
import { Http2Stream } from "./stream.ts";
import { ERROR } from "./words.ts";

const PRIORITY_BYTES = 5;

export class HeadsIn<T> {
  readonly #core: Core<T>;
  readonly #decoder = new HpackDecoder(TABLE_BYTES);
  readonly #block: HeadBlock;
  readonly #blockBytesMax: number;
  /** Of a head that goes on in CONTINUATIONs; 0: none. */
  #openId = 0;
  #openFlags = 0;
  #isSelfDependent = false;
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;

  constructor(core: Core<T>) {
    this.#core = core;
    this.#block = new HeadBlock(core.limits);
    this.#blockBytesMax = core.limits.headerListBytesMax * BLOCK_OVERHEAD;
  }

  /** Only CONTINUATIONs of this stream may come next. */
  get openId(): number {
    return this.#openId;
  }

  headers(flags: number, id: number, bytes: Uint8Array, from: number, to: number): void {
    const core = this.#core;
    if (id === 0) return core.fail(ERROR.protocol, "HEADERS on no stream");
    let [at, end] = [from, to];
    if (flags & FLAG.padded) end -= bytes[at++] ?? 0;
    if (flags & FLAG.priority) at += PRIORITY_BYTES;
    if (at > end || (flags & FLAG.padded && from === to))
      return core.fail(ERROR.protocol, "padding larger than HEADERS");
    this.#isSelfDependent = (flags & FLAG.priority) !== 0 && dependencyAt(bytes, at - PRIORITY_BYTES) === id;
    if (flags & FLAG.endHeaders) return this.#complete(flags, id, bytes, at, end);
    this.#openId = id;
    this.#openFlags = flags;
    this.#keep(bytes, at, end);
  }

  continuation(flags: number, id: number, bytes: Uint8Array, from: number, to: number): void {
    const core = this.#core;
    if (this.#openId === 0) return core.fail(ERROR.protocol, "CONTINUATION without HEADERS");
    if (this.#pieces.length > CONTINUATIONS_MAX) return core.fail(ERROR.calm, "a head in too many pieces");
    this.#keep(bytes, from, to);
    if ((flags & FLAG.endHeaders) === 0 || core.isOver) return;
    const whole = Buffer.concat(this.#pieces);
    this.#openId = 0;
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#complete(this.#openFlags, id, whole, 0, whole.length);
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    this.#pieces.push(new Uint8Array(bytes.subarray(from, to))); // a copy also of a Buffer
    this.#pieceBytes += to - from;
    if (this.#pieceBytes > this.#blockBytesMax)
      this.#core.fail(ERROR.calm, `a head of more than ${this.#blockBytesMax} bytes`);
  }

  #complete(flags: number, id: number, bytes: Uint8Array, from: number, to: number): void {
    const core = this.#core;
    const block = this.#block;
    block.reset();
    const fault = this.#decoder.decode(bytes, from, to, block);
    if (fault !== undefined) return core.fail(ERROR.compression, `a head that cannot be decoded: ${fault}`);
    core.earnIdle(1);
    const isEnd = (flags & FLAG.endStream) !== 0;
    const stream = core.streams.get(id);
    if (stream === undefined) this.#withoutStream(id, isEnd);
    else if (this.#isSelfDependent) core.cut(stream, ERROR.protocol, "it depends on itself");
    else if (stream.isRemoteEnded) core.cut(stream, ERROR.streamClosed, "HEADERS after its end");
    else if (block.isTooLarge) core.cut(stream, ERROR.calm, "a head larger than allowed");
    else if (stream.hasHead) this.#trailers(stream, isEnd);
    else this.#reply(stream, isEnd);
  }

  #withoutStream(id: number, isEnd: boolean): void {
    const core = this.#core;
    if (core.isIdle(id)) {
      if (core.isServer && (id & 1) === 1) return this.#open(id, isEnd);
      return core.fail(ERROR.protocol, `HEADERS on stream ${id}, which nobody began`);
    }
    if (core.isServer && !core.wasCut(id)) core.fail(ERROR.streamClosed, `HEADERS on stream ${id}, which is over`);
    else core.spendIdle();
  }

  #open(id: number, isEnd: boolean): void {
    const core = this.#core;
    core.youngestId = id;
    if (id > core.lastServedId) return core.refuse(id, ERROR.refused);
    if (core.streams.size >= core.limits.streamsMax) return core.refuse(id, ERROR.refused);
    const block = this.#block;
    const stream = new Http2Stream<T>(id, core.limits.streamWindowBytes, core.peer.windowBytes);
    stream.isRemoteEnded = isEnd;
    if (this.#isSelfDependent) return core.refuse(id, ERROR.protocol);
    if (block.isTooLarge) return this.#answer(stream, 431);
    if (block.path.length > core.limits.targetBytesMax) return this.#answer(stream, 414);
    if (block.protocol !== "" && block.isUnknownProtocol(core.takesConnect)) return this.#answer(stream, 501);
    const head = block.request(core.takesConnect);
    if (head === undefined) return core.refuse(id, ERROR.protocol);
    if (core.scheme !== undefined && head.scheme !== core.scheme && block.scheme !== "")
      return this.#answer(stream, 421);
    stream.hasHead = true;
    stream.isHead = head.method === "HEAD";
    stream.isConnect = head.method === "CONNECT";
    if (!stream.isConnect) stream.bytesLeft = block.contentLength;
    if (isEnd && stream.bytesLeft > 0) return core.refuse(id, ERROR.protocol);
    core.streams.set(id, stream);
    core.handler.onRequest(stream, head, isEnd);
  }

  /** What nobody gets to see is answered here. */
  #answer(stream: Http2Stream<T>, status: number): void {
    this.#core.sender.reply(stream, { status, headers: ["content-length", "0"] }, true);
  }

  #reply(stream: Http2Stream<T>, isEnd: boolean): void {
    const core = this.#core;
    const block = this.#block;
    const head = block.reply();
    if (head === undefined) return core.cut(stream, ERROR.protocol, `a malformed reply: ${block.fault}`);
    if (head.status < 200) {
      if (isEnd) return core.cut(stream, ERROR.protocol, "an interim reply at its end");
      return core.handler.onInform(stream, head);
    }
    stream.hasHead = true;
    stream.bytesLeft = bodyBytes(stream.isHead, stream.isConnect, head, block.contentLength);
    if (isEnd && stream.bytesLeft > 0) return core.cut(stream, ERROR.protocol, "less DATA than content-length");
    stream.isRemoteEnded = isEnd;
    core.handler.onReply(stream, head, isEnd);
    if (isEnd) core.settle(stream);
  }

  #trailers(stream: Http2Stream<T>, isEnd: boolean): void {
    const core = this.#core;
    const trailers = core.isServer ? this.#block.requestTrailers() : this.#block.replyTrailers();
    if (trailers === undefined) return core.cut(stream, ERROR.protocol, `malformed trailers: ${this.#block.fault}`);
    if (!isEnd) return core.cut(stream, ERROR.protocol, "a second head that does not end it");
    if (stream.bytesLeft > 0) return core.cut(stream, ERROR.protocol, "less DATA than content-length");
    stream.isRemoteEnded = true;
    core.handler.onEnd(stream, trailers);
    core.settle(stream);
  }
}

/** -1: any number. */
function bodyBytes(isHead: boolean, isConnect: boolean, head: ReplyHead, contentLength: number): number {
  if (isHead || head.status === 204 || head.status === 304) return 0;
  return isConnect && head.status < 300 ? -1 : contentLength;
}

function dependencyAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! & 0x7f) << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/**
 * What all of a connection shares: its streams, what each side allows, what the peer may waste, and how a stream or all of it ends
 * when the peer breaks the rules. A stream's fault costs the stream (RST_STREAM), a connection's all of it (GOAWAY).
 */
import { Failure } from "../../base/errors.ts";
import { Budget } from "./budget.ts";
import { FRAME } from "./frames.ts";
import {
  CUT_STREAMS_MAX,
  CUT_STREAMS_PER_SECOND,
  IDLE_FRAMES_EARNED,
  IDLE_FRAMES_MAX,
  IDLE_FRAMES_PER_SECOND,
  LINGER_BYTES_MAX,
  REMEMBERED_CUTS,
  STREAM_ID_MAX,
  WAITING_BYTES_MAX,
} from "./limits.ts";
import { Sender, type SenderOwner } from "./sender.ts";
import { PeerSettings } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";
import { ERROR, errorName, type Http2Handler, type Http2Limits, type Http2Options } from "./words.ts";

export class Core<T> implements SenderOwner<T> {
  readonly handler: Http2Handler<T>;
  readonly limits: Http2Limits;
  readonly isServer: boolean;
  readonly takesConnect: boolean;
  readonly scheme: "http" | "https" | undefined;
  readonly sender: Sender<T>;
  readonly peer: PeerSettings;
  readonly streams = new Map<number, Http2Stream<T>>();
  nowMs = 0;
  isOver = false;
  /** The youngest stream of the client, whichever side we are. */
  youngestId = 0;
  /** Of a server that drains: younger streams are not served any more. */
  lastServedId = STREAM_ID_MAX;
  readonly #idleFrames = new Budget(IDLE_FRAMES_MAX, IDLE_FRAMES_PER_SECOND);
  readonly #cutStreams = new Budget(CUT_STREAMS_MAX, CUT_STREAMS_PER_SECOND);
  /** Streams that we cut, the oldest is forgotten first. */
  readonly #cuts = new Set<number>();

  constructor(handler: Http2Handler<T>, options: Http2Options) {
    this.handler = handler;
    this.limits = options.limits;
    this.isServer = options.side === "server";
    this.takesConnect = options.takesConnect ?? false;
    this.scheme = options.scheme;
    this.sender = new Sender<T>(this);
    this.peer = new PeerSettings(!this.isServer);
  }

  onOutput(): void {
    this.handler.onOutput();
  }

  onReady(stream: Http2Stream<T>): void {
    this.handler.onReady(stream);
  }

  /**
   * A server that has said all wants no more of the request, unless it is a tunnel that somebody still reads. A reset right behind the
   * reply (RFC 9113, 8.1) would make clients lose it: curl, and whoever else reads both at once. So the stream lingers until the client
   * has ended it, or its owner says that it had its time.
   */
  onLocalEnd(stream: Http2Stream<T>): void {
    if (stream.isRemoteEnded) this.#ended(stream);
    else if (this.isServer && !stream.isLingering && (!stream.isTunnel || stream.isUnwanted)) {
      if (!stream.hasHead || (stream.isUnheeded && stream.bytesLeft > LINGER_BYTES_MAX))
        return this.#resetBehind(stream);
      stream.isLingering = true;
      this.onLingering(stream);
      this.handler.onReplied(stream);
    }
  }

  /**
   * At once: what nobody got to see, and what is too large to be let in behind a good reply. A client that sends on, and does not hear us
   * any more, would wait for ever.
   */
  #resetBehind(stream: Http2Stream<T>): void {
    this.sender.reset(stream.id, ERROR.none);
    this.#remember(stream.id);
    this.onHeld(stream);
    this.#ended(stream);
  }

  /** Set by who keeps the windows: what a stream still holds is of no use any more. */
  onHeld: (stream: Http2Stream<T>) => void = () => {};
  /** The same: nobody wants what the client still sends, but it may send some more of it. */
  onLingering: (stream: Http2Stream<T>) => void = () => {};
  /** The same: nothing more comes on a stream. */
  onClosed: (stream: Http2Stream<T>) => void = () => {};

  /** The peer has ended the stream, and the owner knows. */
  settle(stream: Http2Stream<T>): void {
    if (stream.isLocalEnded && !stream.isClosed) this.#ended(stream);
  }

  #ended(stream: Http2Stream<T>): void {
    this.#cutStreams.earn(1);
    this.#close(stream);
  }

  #close(stream: Http2Stream<T>): void {
    if (stream.isClosed) return;
    stream.isClosed = true;
    if (stream.queuedBytes > 0 || stream.isLined) this.sender.forget(stream);
    if (!this.streams.delete(stream.id)) return; // it was answered before anybody got to see it
    this.onClosed(stream);
    this.handler.onStreamClosed(stream);
  }

  /** No stream with that number has begun. */
  isIdle(id: number): boolean {
    return (id & 1) === 0 || id > this.youngestId;
  }

  wasCut(id: number): boolean {
    return this.#cuts.has(id);
  }

  #remember(id: number): void {
    this.#cuts.add(id);
    if (this.#cuts.size <= REMEMBERED_CUTS) return;
    for (const oldest of this.#cuts) {
      this.#cuts.delete(oldest);
      return;
    }
  }

  /** The owner wants no more of it. */
  drop(stream: Http2Stream<T>, code: number): void {
    this.sender.forget(stream);
    this.sender.reset(stream.id, code);
    this.#remember(stream.id);
    this.onHeld(stream);
    this.#close(stream);
  }

  /** The peer broke the rules of this stream. */
  cut(stream: Http2Stream<T>, code: number, text: string): void {
    if (!this.#spendCut()) return;
    this.sender.forget(stream);
    this.sender.reset(stream.id, code);
    this.#remember(stream.id);
    this.end(stream, new Failure("http2.stream_error", `stream ${stream.id}: ${text}: ${errorName(code)}`), false);
  }

  /** The same, before there is a stream. */
  refuse(id: number, code: number): void {
    if (!this.#spendCut()) return;
    this.sender.reset(id, code);
    this.#remember(id);
  }

  /** The peer has cut the stream. */
  cutByPeer(stream: Http2Stream<T>, code: number): void {
    if (stream.isLingering) return this.#ended(stream); // it has got its reply, and sends no more
    if (this.isServer && !this.#spendCut()) return;
    const text = `stream ${stream.id} was reset by the peer: ${errorName(code)}`;
    this.end(stream, new Failure("http2.reset", text, { data: { code } }), code === ERROR.refused);
  }

  /** Without a word to the peer. */
  end(stream: Http2Stream<T>, failure: Failure, isUnsent: boolean): void {
    if (stream.isClosed) return;
    this.sender.forget(stream);
    if (!stream.isRemoteEnded) this.onHeld(stream); // what came whole may still be read
    this.handler.onReset(stream, failure, isUnsent);
    this.#close(stream);
  }

  #spendCut(): boolean {
    if (this.#cutStreams.spend(this.nowMs)) return true;
    this.fail(ERROR.calm, "too many streams were cut or refused");
    return false;
  }

  /** A frame that moves nothing. False: there were too many of them, it is over. */
  spendIdle(): boolean {
    if (this.#idleFrames.spend(this.nowMs) && this.sender.output.at <= WAITING_BYTES_MAX) return true;
    this.fail(ERROR.calm, "too many frames that carry nothing");
    return false;
  }

  earnIdle(frames: number): void {
    this.#idleFrames.earn(frames * IDLE_FRAMES_EARNED);
  }

  /** The peer broke the rules of the connection. */
  fail(code: number, text: string): void {
    this.finish(new Failure("http2.connection_error", `${text}: ${errorName(code)}`, { data: { code } }), code);
  }

  /** `code` undefined: nothing is said to the peer any more. */
  finish(failure: Failure, code: number | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    if (code !== undefined) this.goaway(this.isServer ? Math.min(this.youngestId, this.lastServedId) : 0, code);
    for (const stream of [...this.streams.values()]) this.end(stream, failure, false);
    this.handler.onOver(failure);
  }

  goaway(lastId: number, code: number): void {
    const out = this.sender.frame(8, FRAME.goaway, 0, 0);
    out.uint32(lastId);
    out.uint32(code);
  }
}

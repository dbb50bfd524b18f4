/**
 * HTTP/2 on one accepted socket: the machine of wire/http2, its exchanges, and the clock. All streams of a turn of the loop go out in
 * one write. A client that does nothing for too long, reads too slowly or holds a head open loses its stream or its connection.
 */
import { Failure } from "../../../base/errors.ts";
import type { HeaderList, ReplyHead, RequestHead } from "../../../wire/http/index.ts";
import {
  defaultHttp2Limits,
  ERROR,
  Http2Connection,
  type Http2Handler,
  type Http2Limits,
  type Http2Stream,
} from "../../../wire/http2/index.ts";
import type { Peer } from "../words/index.ts";
import { clientGone, clientSlow, defect } from "./client-faults.ts";
import type { Http2Opener, ListenerSettings, SocketPort, SocketUser, SpeakerContext } from "./connection.ts";
import { Http2Exchange, type Http2ExchangeOwner } from "./http2-exchange.ts";
import { Lingering } from "./lingering.ts";

type Stream = Http2Stream<Http2Exchange>;

const NEVER = Number.POSITIVE_INFINITY;
/** A client that drains answers within a round trip; one that has not answered by then may begin no more streams. */
const DRAIN_MS = 5_000;

export const openHttp2: Http2Opener = (port, context) => new Http2Server(port, context);

class Http2Server implements SocketUser, Http2Handler<Http2Exchange>, Http2ExchangeOwner {
  readonly peer: Peer;
  readonly connection: Http2Connection<Http2Exchange>;
  readonly #port: SocketPort;
  readonly #context: SpeakerContext;
  readonly #settings: ListenerSettings;
  readonly #exchanges = new Set<Http2Exchange>();
  /** Replied to, while the client still sends. */
  readonly #lingering = new Lingering<Stream>();
  readonly #openedMs: number;
  readonly #flushLater = (): void => {
    try {
      this.#flush();
    } catch (thrown) {
      this.#context.onDefect(thrown);
    }
  };
  #requests = 0;
  /** Since when no request is under way. */
  #idleMs: number;
  /** Since when something that has begun is not whole. */
  #midFrameMs = NEVER;
  /** A flush is on its way, or will be when the present call is over. */
  #isFlushing = false;
  #isBlocked = false;
  /** Since when the socket has taken nothing. */
  #stuckMs = NEVER;
  #sentBefore = 0;
  #isGone = false;
  /** When a client that was told to go has to have heard it. */
  #drainDueMs = NEVER;
  #isDraining = false;
  #over: Failure | undefined;

  constructor(port: SocketPort, context: SpeakerContext) {
    this.#port = port;
    this.#context = context;
    this.#settings = context.settings;
    this.peer = context.peer;
    this.#openedMs = context.now();
    this.#idleMs = this.#openedMs;
    this.#isFlushing = true;
    this.connection = new Http2Connection<Http2Exchange>(this, {
      side: "server",
      limits: limitsOf(context.settings),
      takesConnect: true,
      scheme: context.scheme,
    });
    this.connection.start();
    context.note(this.#openedMs + this.#settings.headTimeoutMs);
    queueMicrotask(this.#flushLater);
  }

  now(): number {
    return this.#context.now();
  }

  get date(): string {
    return this.#context.date.text;
  }

  note(): void {
    this.#context.note(this.#context.now() + this.#settings.bodyIdleMs);
  }

  get isBetween(): boolean {
    return this.connection.active === 0;
  }

  // The socket.

  onBytes(chunk: Uint8Array): void {
    const nowMs = this.#context.now();
    const wasFlushing = this.#isFlushing;
    this.#isFlushing = true;
    this.connection.receive(chunk, nowMs);
    if (!this.connection.isMidFrame) this.#midFrameMs = NEVER;
    else if (this.#midFrameMs === NEVER) {
      this.#midFrameMs = nowMs;
      this.#context.note(nowMs + this.#settings.headTimeoutMs);
    }
    if (!wasFlushing) this.#flush();
  }

  onDrain(): void {
    this.#isBlocked = false;
    this.#stuckMs = NEVER;
    this.#context.note(this.#lingering.drained(this.#context.now()));
    this.#flush();
  }

  onClosed(cause: Failure | undefined): void {
    this.#isGone = true;
    this.connection.lost(cause ?? clientGone());
  }

  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#drainDueMs = this.#context.now() + DRAIN_MS;
    this.#context.note(this.#drainDueMs);
    this.connection.drain();
  }

  /** Of a client, one after the other: a head that does not end, nothing under way, a socket that takes nothing, streams without pace. */
  sweep(nowMs: number): number {
    if (this.#isGone) return NEVER;
    const { headTimeoutMs, keepAliveMs, bodyIdleMs } = this.#settings;
    const isIdle = this.connection.active === 0;
    const headDueMs = Math.min(this.#midFrameMs, this.#requests === 0 ? this.#openedMs : NEVER) + headTimeoutMs;
    if (headDueMs <= nowMs) return this.#giveUp(clientSlow("a whole head", headTimeoutMs));
    const idleDueMs = isIdle && this.#requests > 0 ? this.#idleMs + keepAliveMs : NEVER;
    if (idleDueMs <= nowMs) {
      this.connection.close(new Failure("gateway.client_idle", `no request within ${keepAliveMs} ms`));
      return NEVER;
    }
    const stuckDueMs = this.#stuckDueMs(nowMs);
    if (stuckDueMs <= nowMs) return this.#giveUp(clientSlow("some of a reply to be taken", bodyIdleMs));
    this.#sweepDrain(nowMs);
    const lingerDueMs = this.#lingering.sweep(nowMs, (stream) => this.connection.reset(stream, ERROR.none));
    return Math.min(headDueMs, idleDueMs, stuckDueMs, lingerDueMs, this.#drainDueMs, this.#sweepExchanges(nowMs));
  }

  #sweepDrain(nowMs: number): void {
    if (this.#drainDueMs > nowMs) return;
    this.#drainDueMs = NEVER;
    this.connection.endDrain();
  }

  #stuckDueMs(nowMs: number): number {
    const { bodyIdleMs, bytesPerSecondMin } = this.#settings;
    if (!this.#isBlocked) return NEVER;
    if (this.#stuckMs === NEVER) this.#stuckMs = nowMs;
    if (nowMs - this.#stuckMs < bodyIdleMs) return this.#stuckMs + bodyIdleMs;
    const sent = this.#port.sentBytes - this.#sentBefore;
    if (sent < Math.max(1, (bytesPerSecondMin * bodyIdleMs) / 1_000)) return nowMs;
    this.#sentBefore = this.#port.sentBytes;
    this.#stuckMs = nowMs;
    return nowMs + bodyIdleMs;
  }

  #sweepExchanges(nowMs: number): number {
    const { bodyIdleMs, bytesPerSecondMin } = this.#settings;
    const bytesMin = (bytesPerSecondMin * bodyIdleMs) / 1_000;
    for (const exchange of [...this.#exchanges]) {
      if (exchange.keepsPace(nowMs, bodyIdleMs, bytesMin)) continue;
      const failure = clientSlow(`${bytesMin} bytes of a body`, bodyIdleMs);
      this.#context.onFault(failure);
      exchange.cut(failure);
    }
    return this.#exchanges.size > 0 ? nowMs + bodyIdleMs : NEVER;
  }

  #giveUp(failure: Failure): number {
    this.#context.onFault(failure);
    this.#isGone = true;
    this.connection.lost(failure);
    this.#port.destroy();
    return NEVER;
  }

  // The machine.

  /** Inside of `onBytes` the flush comes at its end; else at the end of the turn, for all streams together. */
  onOutput(): void {
    if (this.#isFlushing || this.#isBlocked || this.#isGone) return;
    this.#isFlushing = true;
    setImmediate(this.#flushLater);
  }

  #flush(): void {
    this.#isFlushing = true;
    while (!this.#isBlocked && !this.#isGone) {
      const bytes = this.connection.pull();
      if (bytes === undefined) break;
      const hasLeft = this.#port.write(bytes);
      this.#lingering.written(hasLeft, this.#context.now());
      if (hasLeft) continue;
      this.#isBlocked = true;
      this.#sentBefore = this.#port.sentBytes;
      this.#stuckMs = this.#context.now();
      this.#context.note(this.#stuckMs + this.#settings.bodyIdleMs);
    }
    this.#isFlushing = false;
    if (this.#over === undefined) this.connection.settle();
    if (this.#over === undefined || this.#isGone) return;
    const last = this.connection.pull(); // a GOAWAY, behind what waits
    if (last !== undefined) this.#port.write(last);
    this.#isGone = true;
    this.#port.end();
  }

  onRequest(stream: Stream, head: RequestHead, isEnded: boolean): void {
    const exchange = new Http2Exchange(this, stream, head, isEnded);
    stream.state = exchange;
    this.#exchanges.add(exchange);
    this.#requests++;
    this.#context.onRequest();
    if (this.#requests >= this.#settings.requestsPerConnectionMax) this.drain();
    try {
      this.#context.handle(exchange);
    } catch (thrown) {
      const failure = defect(thrown);
      this.#context.onFault(failure);
      if (!exchange.isReplied) exchange.cut(failure);
    }
  }

  onData(stream: Stream, chunk: Uint8Array): void {
    stream.state!.received(chunk);
  }

  onEnd(stream: Stream, trailers: HeaderList | undefined): void {
    stream.state!.receivedEnd(trailers);
  }

  onReady(stream: Stream): void {
    stream.state!.ready();
  }

  onReset(stream: Stream, failure: Failure, _isUnsent: boolean): void {
    stream.state!.gone(goneBy(failure));
  }

  onReplied(stream: Stream): void {
    this.#exchanges.delete(stream.state!);
    this.#context.note(this.#lingering.add(stream, this.#context.now()));
    stream.state!.closed();
  }

  onStreamClosed(stream: Stream): void {
    this.#lingering.delete(stream);
    this.#exchanges.delete(stream.state!);
    stream.state!.closed();
    if (this.connection.active > 0 || this.#isGone) return;
    this.#idleMs = this.#context.now();
    this.#context.note(this.#idleMs + this.#settings.keepAliveMs);
  }

  onOver(failure: Failure): void {
    this.#over = failure;
    if (failure.code === "http2.connection_error") this.#context.onFault(failure);
    if (this.#isGone || this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(this.#flushLater);
  }

  // Of clients only.
  onInform(_stream: Stream, _head: ReplyHead): void {}
  onReply(_stream: Stream, _head: ReplyHead, _isEnded: boolean): void {}
  onPeer(): void {}
  onRoom(): void {}
  onPong(): void {}
}

function limitsOf(settings: ListenerSettings): Http2Limits {
  return {
    ...defaultHttp2Limits,
    streamsMax: settings.streamsMax,
    headerListBytesMax: settings.headerBytesMax,
    headersMax: settings.headersMax,
    targetBytesMax: settings.targetBytesMax,
  };
}

function goneBy(failure: Failure): Failure {
  if (failure.code.startsWith("gateway.")) return failure;
  return new Failure("gateway.client_gone", failure.message, { cause: failure });
}

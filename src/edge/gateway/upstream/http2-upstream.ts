/**
 * One connection that speaks HTTP/2 to an upstream: many requests at once, as many as the upstream takes. All of them go out in one write
 * for each turn of the loop. What the upstream refused, or did not begin before it went away, may go out again elsewhere. A
 * connection that has fallen silent is asked whether it still lives.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { HeaderList, ReplyHead, RequestHead } from "../../../wire/http/index.ts";
import { defaultHttp2Limits, Http2Connection, type Http2Handler, type Http2Stream } from "../../../wire/http2/index.ts";
import type { Asked } from "./asked.ts";
import type { ConnectionOwner, SocketPort, SocketUser, UpstreamConnection } from "./connection.ts";
import { Http2Call, type Http2CallOwner } from "./http2-call.ts";
import { closedEarly, noWebSocket, upstreamFailure } from "./http2-failures.ts";
import { requestHead } from "./http2-request.ts";
import { KeptBody } from "./kept-body.ts";
import { KEPT_BODY_BYTES_MAX, type UpstreamLimits } from "./limits.ts";

type Stream = Http2Stream<Http2Call>;

const NEVER = Number.POSITIVE_INFINITY;

/** Requests are under way, and nothing has come for so long: more often would be taken for a flood by servers of gRPC. */
const PING_AFTER_MS = 5 * 60_000;
/** An answer to a ping takes a round trip, on whatever network. */
const PONG_MS = 10_000;
/** Whatever an upstream allows: beyond it another connection is better. */
const STREAMS_MAX = 1_000;
/** Before it has said how many it takes: more could be refused, and it says so within a round trip. */
const STREAMS_UNKNOWN = 1;

/** A socket that can be told who uses it. */
export interface UsableSocket extends SocketPort {
  user: SocketUser | undefined;
}

export class Http2Upstream implements UpstreamConnection, SocketUser, Http2Handler<Http2Call>, Http2CallOwner {
  readonly machine: Http2Connection<Http2Call>;
  hasServed = false;
  readonly #socket: UsableSocket;
  readonly #owner: ConnectionOwner;
  readonly #clock: Clock;
  readonly #limits: UpstreamLimits;
  readonly #calls = new Map<Asked, Http2Call>();
  /** WebSockets, until the upstream has said whether it takes them. */
  #undecided: Asked[] = [];
  readonly #flushLater = (): void => this.#flush();
  #idleMs: number;
  #heardMs: number;
  #pingedMs = NEVER;
  #isFlushing = true;
  #isBlocked = false;
  #isClosed = false;
  /** What it has refused last: no more until another one is over. */
  #refused: Stream | undefined;
  #over: Failure | undefined;

  constructor(socket: UsableSocket, owner: ConnectionOwner, clock: Clock, limits: UpstreamLimits) {
    this.#socket = socket;
    this.#owner = owner;
    this.#clock = clock;
    this.#limits = limits;
    this.#idleMs = clock.monotonic();
    this.#heardMs = this.#idleMs;
    const { headBytesMax, headersMax } = limits;
    this.machine = new Http2Connection<Http2Call>(this, {
      side: "client",
      limits: { ...defaultHttp2Limits, streamsMax: STREAMS_MAX, headerListBytesMax: headBytesMax, headersMax },
    });
    socket.user = this;
    this.machine.start();
    queueMicrotask(this.#flushLater);
  }

  get room(): number {
    if (this.#isClosed || this.#refused !== undefined) return 0;
    const { isKnown, room } = this.machine;
    const allowed = isKnown ? room : Math.min(room, STREAMS_UNKNOWN - this.machine.active);
    return Math.max(0, allowed - this.#undecided.length);
  }

  get roomMax(): number | undefined {
    return this.machine.streamsMax;
  }

  get active(): number {
    return this.machine.active + this.#undecided.length;
  }

  ask(asked: Asked): void {
    const { head } = asked.request;
    if (head.protocol !== undefined && !this.machine.takesConnect) return this.#undecide(asked);
    const { body } = asked.request;
    const hasBody = body !== undefined && body.length !== 0;
    const sent = requestHead(asked, hasBody ? body : undefined);
    if (sent instanceof Failure) return asked.fail(sent, true);
    if (hasBody) asked.kept ??= new KeptBody(body, KEPT_BODY_BYTES_MAX);
    if (asked.kept?.canRepeat === false) return asked.fail(closedEarly(), true); // its client has broken it off meanwhile
    const call = new Http2Call(asked, this);
    this.#calls.set(asked, call);
    const stream = this.machine.request(sent, !hasBody && head.protocol === undefined, call);
    call.begin(stream, head.protocol === undefined ? asked.kept?.open() : undefined);
  }

  cancel(asked: Asked, cause: Failure): void {
    if (this.#undecided.length > 0) this.#undecided = this.#undecided.filter((other) => other !== asked);
    this.#calls.get(asked)?.cancel(cause);
  }

  sweep(nowMs: number): number {
    if (this.#isClosed) return NEVER;
    if (nowMs - this.#pingedMs >= PONG_MS) {
      this.#lose(
        new Failure("gateway.upstream_closed", `the upstream did not answer a ping within ${PONG_MS} ms`, {
          retryable: true,
        }),
      );
      return NEVER;
    }
    let nextMs = this.#pingedMs + PONG_MS;
    for (const call of [...this.#calls.values()]) nextMs = Math.min(nextMs, call.sweep(nowMs));
    if (this.active === 0) {
      const dueMs = this.#idleMs + this.#limits.idleMs;
      if (dueMs > nowMs) return Math.min(nextMs, dueMs);
      this.drain();
      return NEVER;
    }
    if (this.#pingedMs === NEVER && nowMs - this.#heardMs >= PING_AFTER_MS) this.onSilence();
    return Math.min(nextMs, Math.max(nowMs, this.#heardMs) + PING_AFTER_MS);
  }

  drain(): void {
    this.machine.drain();
  }

  close(cause: Failure): void {
    this.machine.close(cause);
    this.#flush();
  }

  // The socket.

  onBytes(chunk: Uint8Array): void {
    this.#heardMs = this.#clock.monotonic();
    const wasFlushing = this.#isFlushing;
    this.#isFlushing = true;
    this.machine.receive(chunk, this.#heardMs);
    if (!wasFlushing) this.#flush();
  }

  onDrain(): void {
    this.#isBlocked = false;
    this.#flush();
  }

  onClosed(cause: Failure | undefined): void {
    const why = cause === undefined ? "it was closed" : cause.message;
    this.#lose(
      new Failure("gateway.upstream_closed", `waiting for the upstream: ${why}; a whole reply is required`, {
        retryable: true,
      }),
    );
  }

  #lose(failure: Failure): void {
    this.machine.lost(failure);
    this.#gone();
  }

  #gone(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const undecided = this.#undecided;
    this.#undecided = [];
    const failure = this.#over ?? closedEarly();
    for (const asked of undecided) if (!this.#owner.again(asked, true)) asked.fail(failure, true);
    this.#socket.destroy();
    this.#owner.onClosed(this);
  }

  /** What has been gathered in this turn of the loop, in one write. */
  #flush(): void {
    this.#isFlushing = true;
    while (!this.#isBlocked && !this.#isClosed) {
      const bytes = this.machine.pull();
      if (bytes === undefined) break;
      this.#isBlocked = !this.#socket.write(bytes);
    }
    this.#isFlushing = false;
    if (this.#over !== undefined && !this.#isClosed) this.#say();
  }

  /** The last words, a GOAWAY; then the connection is gone. */
  #say(): void {
    const last = this.machine.pull();
    if (last !== undefined) this.#socket.write(last);
    this.#socket.end();
    this.#gone();
  }

  // The calls.

  now(): number {
    return this.#clock.monotonic();
  }

  note(dueMs: number): void {
    this.#owner.note(dueMs);
  }

  again(asked: Asked, isUnbegun: boolean): boolean {
    return this.#owner.again(asked, isUnbegun);
  }

  onSilence(): void {
    if (this.#pingedMs !== NEVER || this.machine.isOver) return;
    this.#pingedMs = this.#clock.monotonic();
    this.machine.ping();
    this.#owner.note(this.#pingedMs + PONG_MS);
  }

  // The machine.

  onOutput(): void {
    if (this.#isFlushing || this.#isBlocked || this.#isClosed) return;
    this.#isFlushing = true;
    setImmediate(this.#flushLater);
  }

  onInform(stream: Stream, head: ReplyHead): void {
    stream.state!.informed(head);
  }

  onReply(stream: Stream, head: ReplyHead, isEnded: boolean): void {
    stream.state!.replied(head, isEnded);
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

  onReset(stream: Stream, failure: Failure, isUnsent: boolean): void {
    if (isUnsent) this.#refused = stream;
    stream.state!.failed(upstreamFailure(failure), isUnsent);
  }

  onStreamClosed(stream: Stream): void {
    this.#calls.delete(stream.state!.asked);
    if (stream.isRemoteEnded) this.hasServed = true;
    if (stream !== this.#refused || this.machine.active === 0) this.#refused = undefined;
    if (this.machine.isDraining) return this.#settleLater();
    if (this.active === 0) {
      this.#idleMs = this.#clock.monotonic();
      this.#owner.note(this.#idleMs + this.#limits.idleMs);
    }
    this.#owner.onRoom(this);
  }

  /** A connection that drains ends with its last stream, once that has been dealt with. */
  #settleLater(): void {
    if (this.machine.active > 0) return;
    queueMicrotask(() => this.machine.settle());
  }

  onPeer(): void {
    const undecided = this.#undecided;
    if (undecided.length > 0 && this.machine.isKnown) {
      this.#undecided = [];
      for (const asked of undecided) if (!asked.isOver) this.#askOrRefuse(asked);
    }
    if (this.machine.isDraining) this.#settleLater();
    this.#owner.onRoom(this);
  }

  #undecide(asked: Asked): void {
    if (this.machine.isKnown) return asked.fail(noWebSocket(), true);
    this.#undecided.push(asked);
  }

  #askOrRefuse(asked: Asked): void {
    if (!this.machine.takesConnect) asked.fail(noWebSocket(), true);
    else if (this.machine.room > 0) this.ask(asked);
    else if (!this.#owner.again(asked, true)) asked.fail(closedEarly(), true);
  }

  /** Not within the call: somebody has just taken bytes of another reply. */
  onRoom(): void {
    queueMicrotask(() => this.#owner.onRoom(this));
  }

  onPong(): void {
    this.#pingedMs = NEVER;
  }

  onOver(failure: Failure): void {
    this.#over = failure;
    if (this.#isFlushing || this.#isClosed) return;
    this.#isFlushing = true;
    queueMicrotask(this.#flushLater);
  }

  // Of servers only.
  onRequest(_stream: Stream, _head: RequestHead, _isEnded: boolean): void {}
  onReplied(_stream: Stream): void {}
}

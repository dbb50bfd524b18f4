/**
 * A client's connection in HTTP/1: one request at a time. The next one is read when the reply to the one before is over and its bytes
 * are on their way; until then what the client sends on stays where it is, at most one read of it here. No clock is asked and
 * no timer set for a request: a sweep now and then sees what has not moved since the last one.
 */
import type { Failure } from "../../../base/errors.ts";
import {
  type HeaderList,
  type HeadWriter,
  type HttpFault,
  NO_BODY,
  type RawStream,
  type RequestEvents,
  type RequestHead,
  RequestReader,
  UNTIL_CLOSE,
} from "../../../wire/http/index.ts";
import type { Peer } from "../words/index.ts";
import { clientGone, clientSlow, defect, refusalBytes } from "./client-faults.ts";
import { DRAIN_IDLE_MS, type SocketPort, type SocketUser, type SpeakerContext } from "./connection.ts";
import { type BodyOwner, Http1Body } from "./http1-body.ts";
import { type ExchangeOwner, Http1Exchange } from "./http1-exchange.ts";
import { Pace } from "./pace.ts";
import { RawTunnel } from "./raw-tunnel.ts";

/** Of a body that nobody wanted: read and dropped up to here to keep the connection, more is not worth it. */
const DROPPED_BYTES_MAX = 64 * 1_024;
const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");

export class Http1Connection implements SocketUser, RequestEvents, ExchangeOwner, BodyOwner {
  readonly peer: Peer;
  readonly writer: HeadWriter;
  readonly #port: SocketPort;
  readonly #context: SpeakerContext;
  readonly #reader: RequestReader;
  readonly #pace: Pace;
  /** Came and is not read yet. */
  #rest: Uint8Array | undefined;
  #exchange: Http1Exchange | undefined;
  /** Of the request, where it has one that is not over. */
  #body: Http1Body | undefined;
  #tunnel: RawTunnel | undefined;
  #requests = 0;
  #dropped = 0;
  #isFeeding = false;
  #isOver = false;
  /** No request follows the one under way. */
  #isLast = false;
  #isDraining = false;
  /** When a connection on which nothing is asked any more ends. */
  #drainDueMs = Number.POSITIVE_INFINITY;
  #owesContinue = false;
  #isClogged = false;

  constructor(port: SocketPort, context: SpeakerContext, writer: HeadWriter) {
    this.#port = port;
    this.#context = context;
    this.peer = context.peer;
    this.writer = writer;
    this.#reader = new RequestReader(context.settings, context.scheme, this);
    this.#pace = new Pace(context.settings);
    context.note(context.now() + this.#pace.tickMs);
  }

  // What the socket calls.

  onBytes(chunk: Uint8Array): void {
    if (this.#tunnel) return this.#tunnel.received(chunk);
    this.#pace.receivedBytes += chunk.byteLength;
    this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#feed();
  }

  onDrain(): void {
    if (this.#tunnel) return this.#tunnel.drained();
    this.#exchange?.drained();
    if (!this.#isClogged || this.#port.waitingBytes > 0) return;
    this.#isClogged = false;
    this.#advance();
    this.#feed();
  }

  onClosed(cause: Failure | undefined): void {
    this.#isOver = true;
    this.#tunnel?.closed(cause ?? clientGone(), cause === undefined);
    this.#lose(cause ?? clientGone());
  }

  sweep(nowMs: number): number {
    if (this.#isOver) return Number.POSITIVE_INFINITY;
    const isSlow = this.#pace.look(nowMs, this.#moment(), this.#port);
    if (isSlow !== undefined) this.#tooSlow(isSlow);
    else if (this.#drainDueMs <= nowMs) this.#endDrain();
    return this.#isOver ? Number.POSITIVE_INFINITY : Math.min(nowMs + this.#pace.tickMs, this.#drainDueMs);
  }

  get isBetween(): boolean {
    return this.#exchange === undefined && this.#tunnel === undefined;
  }

  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#awaitLast();
  }

  sayGoodbye(cause: Failure): boolean {
    return this.#tunnel?.sayGoodbye(cause) ?? false;
  }

  #awaitLast(): void {
    this.#drainDueMs = this.#context.now() + DRAIN_IDLE_MS;
    this.#context.note(this.#drainDueMs);
  }

  /** A request that has begun by then ends the connection with its reply. */
  #endDrain(): void {
    this.#drainDueMs = Number.POSITIVE_INFINITY;
    if (!this.#exchange && !this.#tunnel && this.#reader.isIdle && this.#rest === undefined) this.#end();
  }

  // What the reader calls.

  onHead(head: RequestHead): void {
    this.#requests++;
    this.#pace.moved();
    this.#context.onRequest();
    const { length } = this.#reader;
    this.#owesContinue = this.#reader.expectsContinue;
    this.#dropped = 0;
    this.#body = length === 0 ? undefined : new Http1Body(length, this);
    this.#exchange = new Http1Exchange(head, this.#body ?? NO_BODY, this);
    try {
      this.#context.handle(this.#exchange);
    } catch (thrown) {
      this.#handlerBroke(head, defect(thrown));
    }
    if (this.#isOver || (this.#body && !this.#body.flows)) this.#reader.halt();
  }

  /** Nobody serves the request: unless its reply is whole it is over, and so is the connection. */
  #handlerBroke(head: RequestHead, failure: Failure): void {
    this.#context.onFault(failure);
    if (this.#exchange?.request !== head && this.#tunnel === undefined) return;
    this.#tunnel?.closed(failure, false);
    this.#lose(failure);
    this.#port.destroy();
  }

  onData(bytes: Uint8Array): void {
    const body = this.#body;
    if (!body || this.#isOver) return;
    if (body.isUnwanted) this.#drop(bytes.byteLength);
    else if (!body.take(bytes)) this.#reader.halt();
    if (this.#isOver) this.#reader.halt();
  }

  onEnd(trailers: HeaderList | undefined): void {
    const body = this.#body;
    this.#body = undefined;
    this.#pace.moved();
    body?.end(trailers);
    if (!this.#exchange && !this.#tunnel) this.#advance();
  }

  onFault(fault: HttpFault): void {
    this.#context.onFault(fault);
    this.#refuse(fault.status, fault);
  }

  // What the exchange calls.

  get date(): string {
    return this.#context.date.text;
  }

  closing(length: number): "close" | "keep-alive" | undefined {
    const { keepAlive } = this.#reader;
    const isUnread = this.#body?.isUnwanted === true && !this.#isShort;
    const isEnough = this.#requests >= this.#context.settings.requestsPerConnectionMax;
    this.#isLast = !keepAlive || isUnread || isEnough || this.#isDraining || length === UNTIL_CLOSE;
    if (this.#isLast) return "close";
    return this.#exchange?.request.version === "1.0" ? "keep-alive" : undefined;
  }

  write(bytes: Uint8Array): boolean {
    return this.#port.write(bytes);
  }

  replied(): void {
    this.#exchange = undefined;
    this.#pace.moved();
    this.#body?.giveUp();
    if (this.#isLast && (this.#body === undefined || this.#body.isUnwanted)) return this.#end();
    // A body goes on to whoever reads it, or to nobody: what has come of it waits to be read. The next request comes behind it.
    if (this.#reader.isDone) this.#advance();
    this.#feed();
  }

  broke(): void {
    const body = this.#body;
    this.#over();
    this.#port.destroy();
    body?.abort(clientGone());
  }

  takeOver(): RawStream {
    this.#exchange = undefined;
    const rest = this.#rest;
    this.#rest = undefined;
    this.#tunnel = new RawTunnel(this.#port, () => this.#over(), rest);
    return this.#tunnel;
  }

  // What the body calls.

  flow(): void {
    if (this.#owesContinue && !this.#exchange?.isAnswered) this.#port.write(CONTINUE);
    this.#owesContinue = false;
    this.#pace.moved();
    this.#feed();
  }

  /** A client that waits for 100 Continue is still owed it, or a last reply: what it sends next might be the body. */
  discard(): void {
    if (this.#isOver) return;
    if (!this.#exchange && this.#isLast) return this.#end();
    this.#feed();
  }

  /** Reads as much of what has come as can be used now; what is left waits, and the client with it. */
  #feed(): void {
    if (this.#isFeeding) return;
    this.#isFeeding = true;
    while (this.#rest !== undefined && this.#isReading) {
      const bytes = this.#rest;
      this.#rest = undefined;
      const used = this.#reader.feed(bytes);
      if (used < bytes.byteLength && !this.#isOver) this.#keep(bytes.subarray(used));
    }
    this.#isFeeding = false;
    if (this.#isOver || this.#tunnel) return;
    if (this.#rest === undefined) this.#port.resume();
    else this.#port.pause();
  }

  /** Bytes would be used now. */
  get #isReading(): boolean {
    if (this.#isOver || this.#isClogged || this.#tunnel) return false;
    return this.#body ? this.#body.flows : !this.#reader.isDone;
  }

  /** What is left of the body can be read and dropped. A client that waits for `100 Continue` may send it, or go on without. */
  get #isShort(): boolean {
    return !this.#owesContinue && (this.#reader.left ?? 0) <= DROPPED_BYTES_MAX;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#tunnel) this.#tunnel.received(bytes);
    else this.#rest = bytes;
  }

  /** Request and reply are over: the next one may come, unless the client does not take what it asked for before. */
  #advance(): void {
    if (this.#isOver || this.#exchange || !this.#reader.isDone) return;
    if (this.#isLast) return this.#end();
    if (this.#isDraining) this.#awaitLast(); // the reply had begun before, and did not say that nothing follows
    this.#isClogged = this.#port.waitingBytes > 0;
    if (!this.#isClogged) this.#reader.next();
  }

  #drop(size: number): void {
    this.#dropped += size;
    if (this.#dropped + (this.#reader.left ?? 0) <= DROPPED_BYTES_MAX) return;
    this.#isLast = true;
    if (!this.#exchange) this.#end();
    this.#reader.halt();
  }

  #end(): void {
    this.#over();
    this.#port.end();
  }

  #over(): void {
    this.#isOver = true;
    this.#rest = undefined;
    this.#body = undefined;
    this.#exchange = undefined;
  }

  /**
   * The request cannot be gone on with: the client is told where it can still hear. Not behind a whole reply: another one would be
   * taken for the reply to the next request.
   */
  #refuse(status: number, cause: Failure): void {
    const isAnswered = this.#exchange?.isAnswered ?? false;
    const isReplied = this.#exchange === undefined && this.#body !== undefined;
    this.#isOver = true;
    this.#lose(cause);
    if (isAnswered) return this.#port.destroy();
    if (isReplied) return this.#port.end();
    this.#port.write(refusalBytes(this.writer, status, cause.code, this.date));
    this.#port.end();
  }

  #lose(cause: Failure): void {
    const exchange = this.#exchange;
    const body = this.#body;
    this.#over();
    exchange?.gone(cause); // first: that the body breaks is only what follows from it
    body?.abort(cause);
  }

  /** What the client is waited for. */
  #moment(): "idle" | "head" | "body" | "nothing" {
    if (this.#tunnel) return "nothing";
    if (this.#body) return this.#body.flows ? "body" : "nothing";
    if (this.#exchange || this.#isClogged) return "nothing";
    return this.#reader.isIdle ? "idle" : "head";
  }

  #tooSlow(moment: "idle" | "head" | "body" | "reply"): void {
    const { bodyIdleMs, headTimeoutMs } = this.#context.settings;
    if (moment === "idle") return this.#end();
    const cause =
      moment === "head" ? clientSlow("a head", headTimeoutMs) : clientSlow(`more of the ${moment}`, bodyIdleMs);
    this.#context.onFault(cause);
    if (moment !== "reply") return this.#refuse(408, cause);
    this.#tunnel?.closed(cause, false);
    this.#lose(cause);
    this.#port.destroy();
  }
}

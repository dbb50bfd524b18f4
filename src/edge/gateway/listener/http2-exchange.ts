/**
 * One stream of HTTP/2 as an exchange. It is the exchange and the sink of the reply's body in one object: with thousands of streams each object
 * counts. The request's body, where there is one, is an `IncomingBody`.
 */
import { assert, Failure } from "../../../base/errors.ts";
import {
  type BodySink,
  type BodySource,
  type HeaderList,
  headerOf,
  NO_BODY,
  type RawStream,
  type ReplyHead,
  type RequestHead,
  withoutHeader,
} from "../../../wire/http/index.ts";
import {
  checkFields,
  ERROR,
  faultOfFields,
  type Http2Connection,
  type Http2Stream,
  IncomingBody,
  type IncomingOwner,
} from "../../../wire/http2/index.ts";
import type { Exchange, Peer } from "../words/index.ts";

/** The connection, as its exchanges see it. */
export interface Http2ExchangeOwner {
  readonly peer: Peer;
  readonly connection: Http2Connection<Http2Exchange>;
  now(): number;
  /** Of now, as replies say it. */
  readonly date: string;
  /** The client is waited for from now on. */
  note(): void;
}

const CONTINUE: ReplyHead = { status: 100, headers: [] };

export class Http2Exchange implements Exchange, BodySink, IncomingOwner {
  readonly request: RequestHead;
  readonly body: BodySource;
  onGone: ((cause: Failure) => void) | undefined = undefined;
  onReady: (() => void) | undefined = undefined;
  onCancel: ((cause: Failure) => void) | undefined = undefined;
  readonly #owner: Http2ExchangeOwner;
  readonly #stream: Http2Stream<Http2Exchange>;
  readonly #expectsContinue: boolean;
  /** Since when the pace is taken, and what the client had sent and taken by then. */
  #paceMs: number;
  #movedBefore = 0;
  #receivedBytes = 0;
  readonly #incoming: IncomingBody<Http2Exchange> | undefined;
  // The reply.
  #isAnswered = false;
  #hasNoBody = false;
  #left = -1;
  #isReplied = false;
  /** The client does not get the reply: what is said of it is dropped. */
  #isGone = false;
  readonly #mayPause: boolean;

  constructor(owner: Http2ExchangeOwner, stream: Http2Stream<Http2Exchange>, head: RequestHead, isEnded: boolean) {
    this.#owner = owner;
    this.#stream = stream;
    this.#paceMs = owner.now();
    this.#incoming = isEnded ? undefined : new IncomingBody(owner.connection, stream, this, false, true);
    this.body = this.#incoming ?? NO_BODY;
    const expect = isEnded ? undefined : headerOf(head.headers, "expect");
    this.#expectsContinue = expect?.toLowerCase() === "100-continue";
    this.request = requestOf(head, expect !== undefined, !isEnded && stream.bytesLeft === 0);
    this.#mayPause = head.protocol !== undefined || isGrpc(head);
  }

  /** The reply was given, whole or not. */
  get isReplied(): boolean {
    return this.#isReplied;
  }

  get peer(): Peer {
    return this.#owner.peer;
  }

  // The reply, as the gateway gives it.

  inform(head: ReplyHead): void {
    if (this.#isAnswered || this.#isGone) return;
    checkFields(head.headers);
    this.#owner.connection.inform(this.#stream, head);
  }

  send(head: ReplyHead, body?: Uint8Array, trailers?: HeaderList): void {
    if (this.#isGone) return;
    const size = body?.byteLength ?? 0;
    const hasTrailers = trailers !== undefined && trailers.length > 0;
    if (hasTrailers) checkFields(trailers);
    this.#begin(head, size, size === 0 && !hasTrailers);
    if (this.#hasNoBody || (size === 0 && !hasTrailers)) return this.#finish();
    const { connection } = this.#owner;
    if (size > 0) connection.data(this.#stream, body!, !hasTrailers);
    if (hasTrailers) connection.end(this.#stream, trailers);
    this.#finish();
  }

  respond(head: ReplyHead, length?: number): BodySink {
    this.#begin(head, length, false);
    this.#left = this.#hasNoBody ? -1 : (length ?? -1);
    return this;
  }

  upgrade(headers: HeaderList): RawStream {
    assert(this.request.protocol !== undefined, "an exchange is upgraded that did not ask for it");
    // The handshake of WebSocket has no key here (RFC 8441, 5).
    this.#begin({ status: 200, headers: withoutHeader(headers, "sec-websocket-accept") }, undefined, false);
    return { source: this.body, sink: this };
  }

  /** A reply that has begun and is not made whole is our fault; a request without one is only dropped. */
  reset(cause: Failure): void {
    const code = this.#isAnswered ? ERROR.internal : ERROR.cancel;
    this.#isAnswered = true;
    this.#drop(cause, code);
  }

  #begin(head: ReplyHead, length: number | undefined, isEnded: boolean): void {
    if (this.#isGone) return;
    assert(!this.#isAnswered, "an exchange is answered twice");
    checkFields(head.headers);
    const { status } = head;
    this.#isAnswered = true;
    this.#hasNoBody = this.request.method === "HEAD" || status === 204 || status === 304;
    const headers = withDate(headersWithLength(head, length, this.#hasNoBody), this.#owner.date);
    this.#owner.connection.reply(this.#stream, { status, headers }, isEnded || this.#hasNoBody);
  }

  // The sink of the reply's body.

  write(chunk: Uint8Array): boolean {
    const size = chunk.byteLength;
    if (this.#isReplied) return false;
    if (size === 0 || this.#hasNoBody) return true;
    if (this.#left >= 0) {
      this.#left -= size;
      if (this.#left < 0) return this.#wrongLength(`${-this.#left} bytes more`);
    }
    const isTaken = this.#owner.connection.data(this.#stream, chunk);
    if (this.#stream.queuedBytes > 0) this.#waits();
    return isTaken;
  }

  end(trailers?: HeaderList): void {
    if (this.#isReplied) return;
    if (this.#left > 0) {
      this.#wrongLength(`${this.#left} bytes fewer`);
      return;
    }
    const fault = trailers && faultOfFields(trailers);
    if (fault !== undefined) return this.#drop(fault, ERROR.internal);
    if (!this.#hasNoBody) this.#owner.connection.end(this.#stream, trailers);
    this.#finish();
    if (this.#stream.queuedBytes > 0) this.#waits();
  }

  abort(cause: Failure): void {
    if (!this.#isReplied) this.#drop(cause, ERROR.internal);
  }

  #wrongLength(how: string): boolean {
    const failure = new Failure("gateway.bad_length", `replying: the body has ${how} than its length said`);
    const { onCancel } = this;
    this.#drop(failure, ERROR.internal);
    onCancel?.(failure);
    return false;
  }

  #drop(cause: Failure, code: number): void {
    this.#finish();
    this.#owner.connection.reset(this.#stream, code);
    this.#incoming?.break(cause);
  }

  #finish(): void {
    this.#isReplied = true;
    this.onReady = undefined;
    this.onCancel = undefined;
  }

  // The request's body.

  onBodyStarted(): void {
    if (this.#expectsContinue && !this.#isAnswered && !this.#incoming!.isHeld) this.inform(CONTINUE);
    this.#waits();
  }

  onBodyTaken(): void {
    this.#waits();
  }

  onBodyEnded(): void {
    // The reply is what counts.
  }

  onBodyUnwanted(): void {
    // The window stays as it is: the client cannot send much more.
  }

  // What the connection calls.

  received(chunk: Uint8Array): void {
    this.#receivedBytes += chunk.byteLength;
    this.#incoming!.received(chunk); // what has ended sends nothing
  }

  receivedEnd(trailers: HeaderList | undefined): void {
    this.#incoming!.receivedEnd(trailers);
  }

  ready(): void {
    this.onReady?.();
  }

  /** The client has cut the stream, or is gone: said before the body breaks, which is only what follows from it. */
  gone(cause: Failure): void {
    if (!this.#isReplied) {
      const { onCancel, onGone } = this;
      this.#isGone = true;
      this.#finish();
      onGone?.(cause);
      onCancel?.(cause);
    }
    this.#incoming?.break(cause);
  }

  /** The client gets no more of the stream, for its own fault or ours. */
  cut(failure: Failure): void {
    this.gone(failure);
    this.#owner.connection.reset(this.#stream, ERROR.cancel);
  }

  /** The reply is on its way, and perhaps the stream over: what the client did not send of its request by now does not come any more. */
  closed(): void {
    if (this.#incoming?.isReceived === false)
      this.#incoming.break(new Failure("gateway.client_gone", "the reply was whole before the request"));
  }

  // Pace.

  /**
   * It is the client's turn: to send, or to take. Streams of messages are quiet when there is nothing to say, and so may be whoever
   * sends on while he already reads the reply: there the route's time-outs count.
   */
  get #isClientsTurn(): boolean {
    if (this.#stream.queuedBytes > 0) return true;
    return !this.#mayPause && !this.#isAnswered && this.#incoming?.isAwaited === true;
  }

  #waits(): void {
    this.#owner.note();
  }

  /** False: it was the client's turn for `everyMs`, and it has moved fewer bytes than it has to. */
  keepsPace(nowMs: number, everyMs: number, bytesMin: number): boolean {
    const moved = this.#receivedBytes + this.#stream.sentBytes;
    const isTooSlow = moved - this.#movedBefore < Math.max(1, bytesMin);
    if (this.#isClientsTurn && nowMs - this.#paceMs < everyMs) return true;
    const isKept = !this.#isClientsTurn || !isTooSlow;
    this.#movedBefore = moved;
    this.#paceMs = nowMs;
    return isKept;
  }
}

/**
 * A WebSocket is a GET, whatever HTTP carries it. `isOpen`: it says that it has no body, and has not ended: what may still come decides
 * whether it is a request at all.
 */
function requestOf(head: RequestHead, hasExpect: boolean, isOpen: boolean): RequestHead {
  if (head.protocol === undefined && !hasExpect && !isOpen) return head;
  const method = head.protocol === undefined ? head.method : "GET";
  let { headers } = head;
  if (hasExpect) headers = withoutHeader(headers, "expect");
  if (isOpen) headers = withoutHeader(headers, "content-length");
  return { ...head, method, headers };
}

function isGrpc({ headers }: RequestHead): boolean {
  return headerOf(headers, "content-type")?.startsWith("application/grpc") ?? false;
}

function withDate(headers: HeaderList, date: string): HeaderList {
  return headerOf(headers, "date") === undefined ? [...headers, "date", date] : headers;
}

/** With the length that the reply has; one without a body may tell the one that it would have. */
function headersWithLength({ headers, status }: ReplyHead, length: number | undefined, hasNoBody: boolean): HeaderList {
  const told = headerOf(headers, "content-length");
  if (hasNoBody && (status === 204 || status === 304 || told !== undefined || length === undefined || length === 0))
    return status === 204 && told !== undefined ? withoutHeader(headers, "content-length") : headers;
  if (told === undefined) return length === undefined ? headers : [...headers, "content-length", String(length)];
  if (length !== undefined && told === String(length)) return headers;
  const others = withoutHeader(headers, "content-length");
  if (length !== undefined) others.push("content-length", String(length));
  return others;
}

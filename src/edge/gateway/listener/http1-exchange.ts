/** One request of HTTP/1 and its reply: what is written on the connection, and in which order nothing else may be. */
import { assert, type Failure } from "../../../base/errors.ts";
import {
  type BodySource,
  CHUNKED,
  type HeaderList,
  type HeadWriter,
  headerOf,
  NO_LENGTH,
  type RawStream,
  type ReplyHead,
  type RequestHead,
  UNTIL_CLOSE,
} from "../../../wire/http/index.ts";
import { acceptOf } from "../../../wire/websocket/index.ts";
import type { Exchange, Peer } from "../words/index.ts";
import { CORKED_PIECE_BYTES_MAX } from "./cork.ts";
import { Http1Reply } from "./http1-reply.ts";

/** The connection, as an exchange sees it. */
export interface ExchangeOwner {
  readonly peer: Peer;
  readonly writer: HeadWriter;
  /** Of now, as replies say it. */
  readonly date: string;
  /** Asked once for each reply, with its length: what has to stand in its `connection` field. */
  closing(length: number): "close" | "keep-alive" | undefined;
  write(bytes: Uint8Array): boolean;
  /** The reply is whole. */
  replied(): void;
  /** The reply cannot be made whole. */
  broke(): void;
  takeOver(): RawStream;
}

const SWITCHING = 101;

export class Http1Exchange implements Exchange {
  readonly request: RequestHead;
  readonly body: BodySource;
  onGone: ((cause: Failure) => void) | undefined;
  readonly #owner: ExchangeOwner;
  #reply: Http1Reply | undefined;
  #isAnswered = false;
  #isOver = false;

  constructor(request: RequestHead, body: BodySource, owner: ExchangeOwner) {
    this.request = request;
    this.body = body;
    this.#owner = owner;
  }

  get peer(): Peer {
    return this.#owner.peer;
  }

  /** The client has got the beginning of a reply. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  inform(head: ReplyHead): void {
    const isInterim = head.status >= 100 && head.status < 200 && head.status !== SWITCHING;
    assert(isInterim, () => `the status ${head.status} is not interim`);
    if (this.#isAnswered || this.#isOver || this.request.version === "1.0") return;
    this.#head(this.#owner.writer.reply(head.status, head.headers, { length: NO_LENGTH }));
  }

  send(head: ReplyHead, body?: Uint8Array, trailers?: HeaderList): void {
    const size = body === undefined ? 0 : body.byteLength;
    if (
      trailers !== undefined &&
      trailers.length > 0 &&
      this.request.version === "1.1" &&
      !this.#hasNoBody(head.status)
    ) {
      const sink = this.respond(head);
      if (body !== undefined) sink.write(body);
      sink.end(trailers);
      return;
    }
    this.#begin(head, this.#lengthOf(head, size));
    if (this.#isOver) return;
    if (size > 0 && !this.#hasNoBody(head.status)) this.#owner.write(body!);
    this.#finish();
  }

  respond(head: ReplyHead, length?: number): Http1Reply {
    const unknown = this.request.version === "1.1" ? CHUNKED : UNTIL_CLOSE;
    const told = this.#hasNoBody(head.status) ? this.#lengthOf(head, length ?? 0) : (length ?? unknown);
    this.#begin(head, told);
    const reply = new Http1Reply(this.#hasNoBody(head.status) ? NO_LENGTH : told, this.#owner, this);
    if (this.#isOver) reply.close();
    else this.#reply = reply;
    return reply;
  }

  upgrade(headers: HeaderList): RawStream {
    const { protocol } = this.request;
    assert(protocol !== undefined, "an exchange is upgraded that did not ask for it");
    assert(!this.#isAnswered, "an exchange is answered twice");
    const answered = withAccept(headers, this.request);
    this.#head(this.#owner.writer.reply(SWITCHING, answered, { length: NO_LENGTH, connection: "upgrade", protocol }));
    this.#isAnswered = true;
    return this.#owner.takeOver();
  }

  reset(_cause: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isAnswered = true;
    this.#owner.broke();
  }

  // What the connection and the reply call.

  /** The client does not get the reply any more. */
  gone(cause: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reply?.cancel(cause);
    this.onGone?.(cause);
  }

  /** The system takes bytes again. */
  drained(): void {
    this.#reply?.ready();
  }

  replyEnded(): void {
    this.#finish();
  }

  replyBroke(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.broke();
  }

  #begin(head: ReplyHead, length: number): void {
    assert(!this.#isAnswered, "an exchange is answered twice");
    if (this.#isOver) return;
    const { date } = this.#owner;
    const connection = this.#owner.closing(length);
    this.#head(this.#owner.writer.reply(head.status, head.headers, { length, connection, date }));
    this.#isAnswered = true;
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.replied();
  }

  #head(bytes: Uint8Array): void {
    this.#owner.write(bytes.byteLength > CORKED_PIECE_BYTES_MAX ? bytes.slice() : bytes);
  }

  #hasNoBody(status: number): boolean {
    return this.request.method === "HEAD" || status === 204 || status === 304;
  }

  /** What is said of the length: of a reply without a body that may be one that it would have. */
  #lengthOf(head: ReplyHead, size: number): number {
    if (head.status === 204) return NO_LENGTH;
    if (!this.#hasNoBody(head.status)) return size;
    if (size === 0 || head.status === 304 || headerOf(head.headers, "content-length") !== undefined) return NO_LENGTH;
    return size;
  }
}

/** An upstream of HTTP/2 got no key (RFC 8441) and answers none; this client waits for the answer to its own. */
function withAccept(headers: HeaderList, { headers: asked, protocol }: RequestHead): HeaderList {
  const key = protocol === "websocket" ? headerOf(asked, "sec-websocket-key") : undefined;
  if (key === undefined || headerOf(headers, "sec-websocket-accept") !== undefined) return headers;
  return [...headers, "sec-websocket-accept", acceptOf(key)];
}

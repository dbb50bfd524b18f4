/**
 * One message of a socket as an exchange of its own: it enters the gateway as a request would that came by itself. A reply is one message, too,
 * so it is kept until it is whole; whoever owns the socket says when more of it may come.
 */
import { assert, Failure } from "../../../base/errors.ts";
import {
  type BodySink,
  type BodySource,
  BytesSource,
  type HeaderList,
  KeptBytes,
  NO_BODY,
  type RawStream,
  type ReplyHead,
  type RequestHead,
} from "../../../wire/http/index.ts";
import type { Exchange, Peer } from "../words/index.ts";
import { EMPTY } from "./flow.ts";
import { SOCKET_REPLY_BYTES_MAX } from "./limits.ts";
import type { MessageId } from "./socket-request.ts";

export interface MessageOwner {
  /** So many bytes more are kept. */
  kept(bytes: number): void;
  /** Else the reply waits for `readOn`. */
  mayRead(exchange: MessageExchange): boolean;
  /** Once, unless the client is gone. */
  whole(exchange: MessageExchange, reply: MessageReply): void;
}

/** Undefined `head`: there is none, and why. */
export type MessageReply =
  | { readonly head: ReplyHead; readonly body: Uint8Array; readonly trailers: HeaderList | undefined }
  | { readonly head: undefined; readonly detail: string };

export class MessageExchange implements Exchange, BodySink {
  readonly id: MessageId;
  readonly request: RequestHead;
  readonly body: BodySource;
  readonly peer: Peer;
  onGone: ((cause: Failure) => void) | undefined;
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #owner: MessageOwner;
  readonly #requestBytes: number;
  readonly #reply = new KeptBytes();
  #replyBytes = 0;
  #head: ReplyHead | undefined;
  #length: number | undefined;
  #bytesMax = SOCKET_REPLY_BYTES_MAX;
  #goesOn = true;
  #isOver = false;

  constructor(id: MessageId, request: RequestHead, body: Uint8Array | undefined, peer: Peer, owner: MessageOwner) {
    this.id = id;
    this.request = request;
    this.body = body === undefined ? NO_BODY : new BytesSource(body);
    this.peer = peer;
    this.#owner = owner;
    this.#requestBytes = body?.length ?? 0;
  }

  /** Of request and reply, as far as they are kept. */
  get keptBytes(): number {
    return this.#requestBytes + this.#replyBytes;
  }

  /** Its reply has begun, and is not whole. */
  get isReading(): boolean {
    return this.#head !== undefined && !this.#isOver;
  }

  /** There is room. */
  readOn(): void {
    if (this.#goesOn || this.#isOver) return;
    this.#goesOn = true;
    this.onReady?.();
  }

  /** The socket is over: what works for the message is told. */
  gone(cause: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onGone?.(cause);
    if (this.#head !== undefined) this.onCancel?.(cause);
  }

  // As an exchange.

  inform(): void {
    // A message has one answer.
  }

  send(head: ReplyHead, body: Uint8Array = EMPTY, trailers?: HeaderList): void {
    this.respond(head, body.length);
    if (body.length > 0) this.write(body);
    this.end(trailers);
  }

  respond(head: ReplyHead, length?: number): BodySink {
    assert(this.#head === undefined, "an exchange is answered twice");
    this.#head = head;
    if (this.#hasNoBody) return this;
    this.#length = length;
    if (length !== undefined && length > this.#bytesMax) this.#bytesMax = 0; // not one byte of it is kept
    return this;
  }

  upgrade(_headers: HeaderList): RawStream {
    throw new Failure("gateway.defect", "a message was to become a connection; only a request that asks for one can");
  }

  reset(_cause: Failure): void {
    this.#finish({ head: undefined, detail: "there is no reply to this request" });
  }

  // As what takes its reply's body.

  get #hasNoBody(): boolean {
    const { status } = this.#head!; // the reply has begun
    return this.request.method === "HEAD" || status === 204 || status === 304;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver || this.#hasNoBody) return true;
    if (this.#replyBytes + chunk.length > this.#bytesMax) return this.#refuse();
    this.#reply.push(chunk);
    this.#replyBytes += chunk.length;
    this.#owner.kept(chunk.length);
    this.#goesOn = this.#owner.mayRead(this);
    return this.#goesOn;
  }

  #refuse(): boolean {
    const detail = `the reply has more than ${SOCKET_REPLY_BYTES_MAX} bytes, which no message may have`;
    const { onCancel } = this;
    this.#finish({ head: undefined, detail });
    onCancel?.(new Failure("gateway.body_too_large", detail));
    return false;
  }

  end(trailers?: HeaderList): void {
    if (this.#length === undefined || this.#length === this.#replyBytes)
      this.#finish({ head: this.#head!, body: this.#reply.takeAll(), trailers });
    else this.abort();
  }

  abort(_cause?: Failure): void {
    this.#finish({ head: undefined, detail: "the reply broke off" });
  }

  #finish(reply: MessageReply): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.whole(this, reply);
  }
}

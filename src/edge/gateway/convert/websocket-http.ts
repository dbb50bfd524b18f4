/**
 * A WebSocket client before HTTP: each text message is a request, answered by a message with its id, in the order in which replies are whole. A
 * message enters the gateway as if it had come by itself, so that routes, tokens, limits, rules and the firewall see each of them; who
 * asks, and with which credentials, is told by the handshake. Many may be under way, bounded in number and in bytes.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import type { HeaderList } from "../../../wire/http/index.ts";
import type { WebSocketConnection } from "../../../wire/websocket/index.ts";
import type { Exchange } from "../words/index.ts";
import { SOCKET_HELD_BYTES_MAX, SOCKET_REQUESTS_MAX, valuesMaxOf } from "./limits.ts";
import { MessageExchange, type MessageOwner, type MessageReply } from "./message-exchange.ts";
import { carriedFields, isCarriedBack } from "./metadata.ts";
import type { SocketTerms } from "./socket-life.ts";
import { type MessageId, parseSocketRequest, type SocketRequest, socketReply } from "./socket-request.ts";
import { OrderedWork, type Turns } from "./turns.ts";
import { acceptSocket, firstOffered, handshakeFault, refuseHandshake } from "./websocket-words.ts";
import type { ConvertMatch, OnOver } from "./words.ts";

export interface SocketHttpWays {
  readonly terms: SocketTerms;
  readonly turns: Turns;
  readonly onOver: OnOver;
}

export function convertSocketToHttp(exchange: Exchange, match: ConvertMatch, ways: SocketHttpWays): void {
  const fault = handshakeFault(exchange.request);
  if (fault !== undefined) {
    ways.onOver(true, fault);
    return refuseHandshake(exchange, fault);
  }
  new SocketHttp(exchange, match, ways);
}

class SocketHttp implements MessageOwner {
  readonly #exchange: Exchange;
  readonly #match: ConvertMatch;
  readonly #onOver: OnOver;
  readonly #socket: WebSocketConnection;
  readonly #work: OrderedWork;
  /** The socket's path as the client named it: those of messages lie beneath it. */
  readonly #base: string;
  readonly #fields: HeaderList;
  /** Not answered yet, oldest first. */
  readonly #open = new Map<MessageId, MessageExchange>();
  /** Whole, and the client does not take them yet. */
  readonly #whole: (readonly [MessageExchange, MessageReply])[] = [];
  #heldBytes = 0;
  #isFull = false;
  #isWaking = false;
  #isOver = false;

  constructor(exchange: Exchange, match: ConvertMatch, { onOver, terms, turns }: SocketHttpWays) {
    this.#exchange = exchange;
    this.#match = match;
    this.#onOver = onOver;
    this.#base = match.path.replace(/\/$/, "");
    this.#fields = credentialsOf(exchange.request.headers);
    this.#work = new OrderedWork(turns, "gateway.convert_message", {
      onIdle: () => this.#goOn(),
      onFailed: (failure) => this.#say(problem(null, 500, failure.message)),
    });
    const { socket, begin } = acceptSocket(exchange, terms, firstOffered(exchange.request));
    this.#socket = socket;
    begin({
      onMessage: (data, isText) => this.#received(data, isText),
      onReady: () => {
        this.#isFull = false;
        this.#goOn();
      },
      onClose: (_code, _reason, isClean) => this.#closed(isClean),
    });
  }

  #received(data: Uint8Array, isText: boolean): void {
    if (!this.#work.add(data.length, this.#take(data, isText))) this.#socket.pause();
  }

  *#take(data: Uint8Array, isText: boolean): InTurns<void> {
    let request: SocketRequest;
    try {
      if (!isText)
        throw new Failure("gateway.convert_message", "reading a request failed: it is binary; a text is required");
      request = yield* parseSocketRequest(decoder.decode(data), this.#valuesMax);
      if (this.#open.has(request.id)) throw underWay(request.id);
    } catch (thrown) {
      const failure = toFailure(thrown, "gateway.convert_message");
      const id = failure.data?.id;
      const status = failure.code === "protobuf.too_many_values" ? 413 : 400;
      return this.#say(problem(typeof id === "string" ? id : null, status, failure.message));
    }
    this.#enter(request);
  }

  get #valuesMax(): number {
    return valuesMaxOf(this.#match.route.options.convert.messageBytesMax);
  }

  #enter({ body, headers, id, method, path }: SocketRequest): void {
    const { authority, scheme } = this.#exchange.request;
    const fields = [...withoutNames(this.#fields, headers), ...headers];
    if (body !== undefined) fields.push("content-length", String(body.length));
    // It asks for no protocol: no route makes a socket of it again.
    const head = { method, target: this.#base + path, scheme, authority, headers: fields, version: "1.1" } as const;
    const exchange = new MessageExchange(id, head, body, this.#exchange.peer, this);
    this.#open.set(id, exchange);
    this.kept(exchange.keptBytes);
    if (!this.#hasRoom) this.#socket.pause();
    this.#match.enter(exchange);
  }

  get #hasRoom(): boolean {
    return this.#open.size < SOCKET_REQUESTS_MAX && this.#heldBytes < SOCKET_HELD_BYTES_MAX;
  }

  kept(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** While the client takes nothing, nothing is read for it; with too much kept only the oldest goes on, so that one comes to its end. */
  mayRead(exchange: MessageExchange): boolean {
    if (this.#isFull) return false;
    if (this.#heldBytes < SOCKET_HELD_BYTES_MAX) return true;
    for (const oldest of this.#open.values()) if (oldest.isReading) return oldest === exchange;
    return true;
  }

  whole(exchange: MessageExchange, reply: MessageReply): void {
    if (this.#isOver) return;
    this.#whole.push([exchange, reply]);
    this.#goOn();
  }

  #say(text: string): void {
    if (this.#isOver || this.#socket.send(text)) return;
    this.#isFull = true;
    this.#socket.pause();
  }

  /** Says what can be said, and lets come what there is room for. */
  #goOn(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    do {
      this.#sayWhole();
      for (const exchange of this.#open.values()) if (this.mayRead(exchange)) exchange.readOn();
    } while (this.#whole.length > 0 && !this.#isFull && !this.#isOver);
    this.#isWaking = false;
    if (!this.#isFull && this.#hasRoom && this.#work.isIdle) this.#socket.resume();
  }

  #sayWhole(): void {
    while (!this.#isFull && !this.#isOver) {
      const next = this.#whole.shift();
      if (next === undefined) return;
      const [exchange, reply] = next;
      this.#open.delete(exchange.id);
      this.#heldBytes -= exchange.keptBytes;
      this.#say(textOf(exchange.id, reply));
    }
  }

  #closed(isClean: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#work.stop();
    for (const exchange of this.#open.values()) exchange.gone(GONE);
    this.#open.clear();
    this.#whole.length = 0;
    this.#onOver(!isClean);
  }
}

const GONE = new Failure("gateway.client_gone", "the client closed its socket");

/** Of one request, not of all that follow it on the socket. */
const OF_HANDSHAKE = /^(?:if-[a-z-]+|idempotency-key|priority)$/;

/** What the handshake says for each message: who asks, whence, and by which way it came. */
function credentialsOf(headers: HeaderList): HeaderList {
  const carried = carriedFields(headers);
  return carried.filter((_, at) => !OF_HANDSHAKE.test(carried[at - (at % 2)]!));
}

function withoutNames(headers: HeaderList, others: HeaderList): HeaderList {
  const names = new Set(others.filter((_, at) => at % 2 === 0));
  return headers.filter((_, at) => !names.has(headers[at - (at % 2)]!));
}

function underWay(id: MessageId): Failure {
  return new Failure(
    "gateway.convert_message",
    `reading a request failed: ${id} is under way; an id of its own is required`,
    { data: { id } },
  );
}

function textOf(id: MessageId, reply: MessageReply): string {
  if (reply.head === undefined) return problem(id, 502, reply.detail);
  const { headers, status } = reply.head;
  const { body, trailers } = reply;
  return socketReply(id, { status, headers: carriedBack(headers), body, trailers: trailers && carriedBack(trailers) });
}

function carriedBack(headers: HeaderList): HeaderList {
  return headers.filter((_, at) => isCarriedBack(headers[at - (at % 2)]!));
}

function problem(id: MessageId | null, status: number, detail: string): string {
  const body = new TextEncoder().encode(JSON.stringify({ status, detail }));
  return socketReply(id, { status, headers: ["content-type", "application/problem+json"], body });
}

const decoder = new TextDecoder();

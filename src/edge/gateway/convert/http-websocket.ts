/**
 * HTTP clients before a WebSocket upstream. POST: the body, a JSON object, is sent as a message on a socket of its own; the message that comes back
 * with the same id is the reply. GET that accepts events: the socket's messages as they come. A socket is never shared: what it was opened with
 * (a token, a cookie) belongs to one client.
 */
import type { Timer } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import { type BodySink, type HeaderList, headerOf, headersOf, type RawStream } from "../../../wire/http/index.ts";
import { codeOf, type GrpcStatus, parseJson, type StatusName } from "../../../wire/protobuf/index.ts";
import { CLOSE, type WebSocketConnection } from "../../../wire/websocket/index.ts";
import type { Exchange, UpstreamCall } from "../words/index.ts";
import { statusOfRequestFailure, statusOfUpstreamFailure } from "./failure-status.ts";
import { collectBody } from "./flow.ts";
import { bodyText } from "./json-message.ts";
import { errorJson, sendError, sendJson } from "./json-reply.ts";
import { FOREIGN_MESSAGES_MAX, valuesMaxOf } from "./limits.ts";
import { carriedFields, clientTimeoutMs, codedBody, mediaTypeOf, refusalFields } from "./metadata.ts";
import type { SocketTerms } from "./socket-life.ts";
import { OrderedWork, type Turns } from "./turns.ts";
import { openSocket, socketHead, upgradeFault } from "./websocket-words.ts";
import type { ConvertAsk, ConvertMatch, ConvertPorts, OnOver } from "./words.ts";

export interface HttpSocketWays {
  readonly ports: Pick<ConvertPorts, "nextId" | "randomBytes">;
  readonly terms: SocketTerms;
  readonly turns: Turns;
  readonly onOver: OnOver;
}

export function convertHttpToSocket(
  exchange: Exchange,
  match: ConvertMatch,
  ask: ConvertAsk,
  ways: HttpSocketWays,
): void {
  const { method, headers } = exchange.request;
  const wantsEvents = (headerOf(headers, "accept") ?? "").includes("text/event-stream");
  const http = new HttpSocket(exchange, match, ask, ways);
  if (method === "GET" && wantsEvents) return http.openEvents();
  if (method === "POST" && mediaTypeOf(headers).endsWith("json")) return http.openCall();
  const allowed = "a POST of JSON, or a GET that accepts text/event-stream,";
  const failure = new Failure(
    "gateway.convert_method",
    `converting ${method} for a WebSocket failed; ${allowed} is required`,
  );
  exchange.body.cancel(failure);
  http.fail({ code: codeOf("INVALID_ARGUMENT"), message: failure.message, cause: failure });
}

class HttpSocket {
  readonly #exchange: Exchange;
  readonly #match: ConvertMatch;
  readonly #ask: ConvertAsk;
  readonly #ways: HttpSocketWays;
  readonly #work: OrderedWork;
  #call: UpstreamCall | undefined;
  #socket: WebSocketConnection | undefined;
  #timer: Timer | undefined;
  #events: BodySink | undefined;
  #isOver = false;

  constructor(exchange: Exchange, match: ConvertMatch, ask: ConvertAsk, ways: HttpSocketWays) {
    this.#exchange = exchange;
    this.#match = match;
    this.#ask = ask;
    this.#ways = ways;
    this.#work = new OrderedWork(ways.turns, "gateway.convert_message", {
      onIdle: () => {},
      onFailed: (failure) => this.fail(statusOfRequestFailure(failure)),
    });
    exchange.onGone = (cause) => this.#gone(cause);
  }

  openEvents(): void {
    if (this.#exchange.body.length !== 0)
      this.#exchange.body.cancel(new Failure("gateway.convert_unexpected", "a stream of events takes no body"));
    this.#open((stream) => {
      const opened = openSocket(stream, this.#ways.terms, this.#ways.ports);
      this.#socket = opened.socket;
      this.#events = this.#exchange.respond({
        status: 200,
        headers: ["content-type", "text/event-stream", "cache-control", "no-cache", "x-accel-buffering", "no"],
      });
      this.#events.onReady = () => this.#socket?.resume();
      this.#events.onCancel = (cause) => this.#gone(cause);
      opened.begin({
        onMessage: (data, isText) => this.#event(data, isText),
        onReady: () => {},
        onClose: (code, reason, isClean) => this.#eventsOver(code, reason, isClean),
      });
    });
  }

  #event(data: Uint8Array, isText: boolean): void {
    if (this.#isOver || this.#events === undefined) return;
    const text = isText
      ? `${Buffer.from(data)
          .toString()
          .split(/\r\n|\r|\n/)
          .map((line) => `data: ${line}\n`)
          .join("")}\n`
      : `event: binary\ndata: ${Buffer.from(data).toString("base64")}\n\n`;
    if (!this.#events.write(new TextEncoder().encode(text))) this.#socket?.pause();
  }

  #eventsOver(code: number, reason: string, isClean: boolean): void {
    if (this.#isOver) return;
    const isGood = isClean && (code === CLOSE.normal || code === CLOSE.goingAway || code === CLOSE.none);
    this.#over(!isGood);
    if (!isGood)
      this.#events?.write(
        new TextEncoder().encode(`event: error\ndata: ${errorJson(closedStatus(code, reason), undefined)}\n\n`),
      );
    this.#events?.end();
  }

  openCall(): void {
    const coded = codedBody(this.#exchange);
    if (coded !== undefined) {
      this.#exchange.body.cancel(coded);
      return this.fail(statusOfRequestFailure(coded), refusalFields(coded));
    }
    collectBody(this.#exchange.body, this.#bytesMax, (whole) => {
      if (this.#isOver) return;
      if (whole instanceof Failure) return this.fail(statusOfRequestFailure(whole));
      this.#work.add(whole.length, this.#callFor(whole));
    });
  }

  *#callFor(body: Uint8Array): InTurns<void> {
    this.#callWith(yield* this.#messageOf(body));
  }

  /** With an id: the client's, or one of ours, put in as text: nothing else of the message changes. */
  *#messageOf(body: Uint8Array): InTurns<SentMessage> {
    const text = bodyText(body).trim();
    const json = yield* parseJson(text, { valuesMax: valuesMaxOf(this.#bytesMax) });
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new Failure(
        "gateway.convert_message",
        "converting a body failed: it is no object; a JSON object is required",
      );
    }
    if (Object.hasOwn(json, "id")) return { id: json.id, text };
    const id = this.#ways.ports.nextId();
    return { id, text: `{"id":${JSON.stringify(id)}${Object.keys(json).length === 0 ? "" : ","}${text.slice(1)}` };
  }

  #callWith(message: SentMessage): void {
    const timeoutMs = Math.min(
      this.#match.route.options.timeoutMs,
      clientTimeoutMs(this.#exchange.request.headers) ?? Number.POSITIVE_INFINITY,
    );
    this.#timer = this.#ways.terms.clock.after(timeoutMs, () => {
      const failure = new Failure("gateway.upstream_timeout", `no message with the id came within ${timeoutMs} ms`);
      const call = this.#call;
      this.fail(statusOfUpstreamFailure(failure)); // before the socket says that it is closed
      call?.cancel(failure);
    });
    this.#open((stream) => {
      const opened = openSocket(stream, this.#ways.terms, this.#ways.ports);
      this.#socket = opened.socket;
      let foreign = 0;
      opened.socket.send(message.text);
      opened.begin({
        onMessage: (data, isText) => {
          if (this.#isOver) return;
          const reply = isText ? replyOf(data, message.id) : undefined;
          if (reply !== undefined) return this.#replied(reply);
          if (++foreign > FOREIGN_MESSAGES_MAX)
            this.fail({
              code: codeOf("INTERNAL"),
              message: "the upstream sends messages, and none of them is the answer",
            });
        },
        onReady: () => {},
        onClose: (code, reason) => this.fail(closedStatus(code, reason)),
      });
    });
  }

  #replied(text: string): void {
    this.#over(false);
    this.#socket?.close();
    sendJson(this.#exchange, text, []);
  }

  get #bytesMax(): number {
    return this.#match.route.options.convert.messageBytesMax;
  }

  #open(use: (stream: RawStream) => void): void {
    const { head, key } = socketHead(this.#match.head, carriedFields(this.#match.head.headers), this.#ways.ports);
    const call = this.#ask(
      { head },
      {
        onReply: (reply, body) => {
          body.cancel(new Failure("gateway.upstream_protocol", "no WebSocket"));
          this.fail(refusedStatus(reply.status), handshakeFields(reply.headers));
        },
        onUpgrade: (reply, stream) => {
          const fault = upgradeFault(reply, key);
          if (fault === undefined && !this.#isOver) return use(stream);
          stream.sink.abort(fault ?? new Failure("gateway.client_gone", "the client went"));
          if (fault !== undefined) this.fail(statusOfUpstreamFailure(fault));
        },
        onFailure: (failure) => {
          if (this.#isOver) return;
          this.#over(true);
          this.#match.refuse(failure);
        },
      },
    );
    if (!this.#isOver) this.#call = call;
  }

  fail(status: GrpcStatus, fields: HeaderList = []): void {
    if (this.#isOver) return;
    this.#over(true, status.cause);
    this.#socket?.close(CLOSE.goingAway);
    sendError(this.#exchange, status, undefined, fields);
  }

  #gone(cause: Failure): void {
    if (this.#isOver) return;
    this.#over(true);
    if (this.#socket === undefined) this.#call?.cancel(cause);
    else this.#socket.close(CLOSE.goingAway);
  }

  #over(isFailed: boolean, cause?: Failure): void {
    this.#isOver = true;
    this.#work.stop();
    this.#timer?.cancel();
    this.#ways.onOver(isFailed, cause);
  }
}

interface SentMessage {
  readonly id: unknown;
  readonly text: string;
}

/** The message as it came, when it is the answer. */
function replyOf(data: Uint8Array, id: unknown): string | undefined {
  const text = Buffer.from(data).toString();
  try {
    const json = JSON.parse(text) as { id?: unknown } | null;
    return typeof json === "object" && json !== null && json.id === id ? text : undefined;
  } catch {
    // Not JSON: not the answer.
    return undefined;
  }
}

/** What an upstream says of the client, who has to hear it as it is; all else is between the upstream and the gateway. */
const REFUSALS: ReadonlyMap<number, StatusName> = new Map([
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
  [404, "NOT_FOUND"],
  [429, "RESOURCE_EXHAUSTED"],
]);
/** What the client needs to do better. */
const HANDSHAKE_FIELDS: readonly string[] = ["www-authenticate", "retry-after"];

/** Of a handshake that was answered without a WebSocket. */
function refusedStatus(status: number): GrpcStatus {
  const message = `the upstream answered with HTTP status ${status} instead of a WebSocket`;
  const name = REFUSALS.get(status);
  return name === undefined ? { code: codeOf("UNAVAILABLE"), message } : { code: codeOf(name), message, http: status };
}

function handshakeFields(headers: HeaderList): HeaderList {
  return HANDSHAKE_FIELDS.flatMap((name) => headersOf(headers, name).flatMap((value) => [name, value]));
}

function closedStatus(code: number, reason: string): GrpcStatus {
  return {
    code: codeOf("UNAVAILABLE"),
    message: `the upstream closed its socket with ${code}${reason === "" ? "" : `: ${reason}`}`,
  };
}

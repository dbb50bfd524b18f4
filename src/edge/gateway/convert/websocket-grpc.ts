/**
 * A WebSocket client before a method of gRPC, whatever its streams: a text message is one message in JSON, a binary one its very bytes. An empty
 * text message, or the client's close, ends the client's half. The status is the code of the close (1000 or 4000 + code), its reason, and, unless
 * it is OK, a last message `{"error": …}`.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import {
  binaryOf,
  codeOf,
  type DescriptorStore,
  frameMessage,
  type GrpcMethod,
  type GrpcStatus,
  type JsonReading,
  jsonOfMessage,
  messageOfBinary,
  messageOfJson,
  nameOfCode,
} from "../../../wire/protobuf/index.ts";
import type { WebSocketConnection } from "../../../wire/websocket/index.ts";
import type { Exchange } from "../words/index.ts";
import { statusOfRequestFailure, statusOfUnreadable } from "./failure-status.ts";
import { BodyPipe } from "./flow.ts";
import { GrpcCall } from "./grpc-call.ts";
import { errorJson, sendError } from "./json-reply.ts";
import { carriedFields, clientTimeoutMs } from "./metadata.ts";
import type { SocketTerms } from "./socket-life.ts";
import { acceptSocket, closeCodeOf, firstOffered, handshakeFault, refuseHandshake } from "./websocket-words.ts";
import type { ConvertAsk, ConvertMatch } from "./words.ts";

export interface SocketGrpcWays {
  readonly terms: SocketTerms;
  readonly store: DescriptorStore;
  readonly reading: JsonReading;
  onOver(isFailed: boolean): void;
}

export function convertSocketToGrpc(
  exchange: Exchange,
  match: ConvertMatch,
  ask: ConvertAsk,
  ways: SocketGrpcWays,
): void {
  const fault = handshakeFault(exchange.request);
  if (fault !== undefined) {
    ways.onOver(true);
    return refuseHandshake(exchange, fault);
  }
  const path = match.head.target.split("?", 1)[0]!;
  const { grpcService } = match.route.options.convert;
  const method =
    ways.store.method(path) ??
    (grpcService === undefined ? undefined : ways.store.method(`/${grpcService}${path}`)) ??
    ways.store.http.match("GET", path)?.method ??
    ways.store.http.match("POST", path)?.method;
  if (method === undefined) {
    ways.onOver(true);
    exchange.body.cancel(new Failure("gateway.convert_unknown_method", path));
    return sendError(exchange, { code: codeOf("UNIMPLEMENTED"), message: `${path} names no method` }, undefined);
  }
  new SocketGrpc(exchange, match, ask, method, ways);
}

class SocketGrpc {
  readonly #method: GrpcMethod;
  readonly #ways: SocketGrpcWays;
  readonly #socket: WebSocketConnection;
  readonly #call: GrpcCall;
  readonly #requests = new BodyPipe();
  /** As the client speaks: in the form of its last message. */
  #isBinary = false;
  #isHalfClosed = false;
  #isOver = false;

  constructor(exchange: Exchange, match: ConvertMatch, ask: ConvertAsk, method: GrpcMethod, ways: SocketGrpcWays) {
    this.#method = method;
    this.#ways = ways;
    const { messageBytesMax } = match.route.options.convert;
    const { socket, begin } = acceptSocket(exchange, ways.terms, firstOffered(exchange.request));
    this.#socket = socket;
    this.#requests.onReady = () => this.#socket.resume();
    const request = {
      match,
      path: method.path,
      metadata: carriedFields(match.head.headers),
      body: this.#requests,
      timeoutMs: clientTimeoutMs(exchange.request.headers),
      isIdempotent: false,
      messageBytesMax,
    };
    this.#call = new GrpcCall(request, ask, {
      onMessage: (message) => this.#fromUpstream(message),
      onEnd: (status) => this.#end(status),
    });
    begin({
      onMessage: (data, isText) => this.#fromClient(data, isText),
      onReady: () => this.#call.resume(),
      onClose: (_code, _reason, isClean) => this.#closed(isClean),
    });
  }

  #fromClient(data: Uint8Array, isText: boolean): void {
    if (this.#isOver) return;
    if (this.#isHalfClosed)
      return this.#breakOff(
        new Failure("gateway.convert_websocket", "a message came after the end of the client's half; none is required"),
      );
    if (isText && data.length === 0) return this.#halfClose();
    this.#isBinary = !isText;
    let message: Uint8Array;
    try {
      message = isText
        ? binaryOf(this.#method.input, messageOfJson(this.#method.input, textOf(data), this.#ways.reading))
        : data;
    } catch (thrown) {
      return this.#breakOff(toFailure(thrown, "protobuf.json"));
    }
    if (!this.#requests.write(frameMessage(message))) this.#socket.pause();
    // Where there is but one message, its end is known.
    if (!this.#method.clientStreams) this.#halfClose();
  }

  #halfClose(): void {
    if (this.#isHalfClosed) return;
    this.#isHalfClosed = true;
    this.#requests.end();
  }

  #fromUpstream(bytes: Uint8Array): boolean {
    if (this.#isOver) return true;
    if (this.#isBinary) return this.#socket.send(bytes, false);
    try {
      const { output } = this.#method;
      return this.#socket.send(jsonOfMessage(output, messageOfBinary(output, bytes), this.#ways.reading.registry));
    } catch (thrown) {
      const failure = toFailure(thrown, "protobuf.json");
      this.#call?.cancel(failure);
      this.#end(statusOfUnreadable(failure));
      return true;
    }
  }

  #breakOff(failure: Failure): void {
    this.#call?.cancel(failure);
    this.#end(statusOfRequestFailure(failure));
  }

  #end(status: GrpcStatus): void {
    if (this.#isOver) return;
    this.#over(status.code !== 0);
    if (status.code !== 0) this.#socket.send(errorJson(status, this.#ways.reading.registry));
    const reason = status.code === 0 ? "" : `${nameOfCode(status.code)}: ${status.message}`;
    this.#socket.close(closeCodeOf(status.code), reason);
  }

  /** A client that says good-bye wants nothing more: the call is over for it. */
  #closed(isClean: boolean): void {
    if (this.#isOver) return;
    this.#over(!isClean);
    this.#call?.cancel(new Failure("gateway.client_gone", "the client closed its socket"));
  }

  #over(isFailed: boolean): void {
    this.#isOver = true;
    this.#ways.onOver(isFailed);
  }
}

const decoder = new TextDecoder();

function textOf(data: Uint8Array): string {
  return decoder.decode(data);
}

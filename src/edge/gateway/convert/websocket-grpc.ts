/**
 * A WebSocket client before a method of gRPC, whatever its streams: a text message is one message in JSON, a binary one its very bytes. An empty
 * text message, or the client's close, ends the client's half. The status is the code of the close (1000 or 4000 + code), its reason, and, unless
 * it is OK, a last message `{"error": …}`.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import { finishAtOnce, type InTurns } from "../../../base/turns.ts";
import {
  type DescriptorStore,
  frameMessage,
  type GrpcMethod,
  type GrpcStatus,
  type JsonReading,
  jsonOfMessage,
  messageOfBinary,
  nameOfCode,
  unknownNumbers,
} from "../../../wire/protobuf/index.ts";
import type { WebSocketConnection } from "../../../wire/websocket/index.ts";
import type { Exchange } from "../words/index.ts";
import { statusOfRequestFailure, statusOfUnreadable } from "./failure-status.ts";
import { BodyPipe } from "./flow.ts";
import { GrpcCall } from "./grpc-call.ts";
import { messageWith, type Parameters, parametersOf } from "./json-message.ts";
import { errorJson, sendError } from "./json-reply.ts";
import { findSocketTarget } from "./json-target.ts";
import { carriedFields, clientTimeoutMs } from "./metadata.ts";
import type { SocketTerms } from "./socket-life.ts";
import { OrderedWork, type Turns } from "./turns.ts";
import { acceptSocket, closeCodeOf, firstOffered, handshakeFault, refuseHandshake } from "./websocket-words.ts";
import type { ConvertAsk, ConvertMatch, OnOver } from "./words.ts";

export interface SocketGrpcWays {
  readonly terms: SocketTerms;
  readonly turns: Turns;
  readonly store: DescriptorStore;
  readonly reading: JsonReading;
  readonly onOver: OnOver;
}

export function convertSocketToGrpc(
  exchange: Exchange,
  match: ConvertMatch,
  ask: ConvertAsk,
  ways: SocketGrpcWays,
): void {
  const fault = handshakeFault(exchange.request);
  if (fault !== undefined) {
    ways.onOver(true, fault);
    return refuseHandshake(exchange, fault);
  }
  let opened: SocketTarget;
  try {
    opened = socketTarget(match, ways);
  } catch (thrown) {
    const failure = toFailure(thrown, "gateway.convert_invalid");
    const status = statusOfRequestFailure(failure);
    ways.onOver(true, failure);
    exchange.body.cancel(failure);
    return sendError(exchange, status, ways.reading.registry);
  }
  new SocketGrpc(exchange, match, ask, opened, ways);
}

interface SocketTarget {
  readonly method: GrpcMethod;
  /** What path and query say belongs into each message. */
  readonly parameters: Parameters;
}

/** Fails with `gateway.convert_unknown_method`, `protobuf.*`. */
function socketTarget(
  { head, path: originalPath, route }: ConvertMatch,
  { reading, store }: SocketGrpcWays,
): SocketTarget {
  const mark = head.target.indexOf("?");
  const path = mark < 0 ? head.target : head.target.slice(0, mark);
  const target = findSocketTarget(store, { path, originalPath, service: route.options.convert.grpcService });
  const query = mark < 0 ? "" : head.target.slice(mark + 1);
  return { method: target.method, parameters: finishAtOnce(parametersOf(target, query, reading)) };
}

class SocketGrpc {
  readonly #match: ConvertMatch;
  readonly #method: GrpcMethod;
  readonly #parameters: Parameters;
  readonly #ways: SocketGrpcWays;
  readonly #socket: WebSocketConnection;
  readonly #call: GrpcCall;
  readonly #requests = new BodyPipe();
  readonly #work: OrderedWork;
  /** As the client speaks: in the form of its last message. */
  #isBinary = false;
  #isHalfClosed = false;
  /** The upstream takes no more for now. */
  #isFull = false;
  #isOver = false;

  constructor(exchange: Exchange, match: ConvertMatch, ask: ConvertAsk, target: SocketTarget, ways: SocketGrpcWays) {
    const { method } = target;
    this.#match = match;
    this.#method = method;
    this.#parameters = target.parameters;
    this.#ways = ways;
    const { messageBytesMax } = match.route.options.convert;
    const { socket, begin } = acceptSocket(exchange, ways.terms, firstOffered(exchange.request));
    this.#socket = socket;
    this.#work = new OrderedWork(ways.turns, "protobuf.json", {
      onIdle: () => this.#converted(),
      onFailed: (failure) => this.#breakOff(failure),
    });
    this.#requests.onReady = () => {
      this.#isFull = false;
      if (this.#work.isIdle) this.#socket.resume();
    };
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
    if (!this.#work.add(isText ? data.length : 0, this.#send(data, isText))) this.#socket.pause();
    // Where there is but one message, its end is known.
    if (!this.#method.clientStreams) this.#halfClose();
  }

  *#send(data: Uint8Array, isText: boolean): InTurns<void> {
    const message = isText ? yield* this.#messageOf(decoder.decode(data)) : this.#withParameters(data);
    if (!this.#requests.write(frameMessage(message))) {
      this.#isFull = true;
      this.#socket.pause();
    }
  }

  #messageOf(text: string): InTurns<Uint8Array> {
    return messageWith(this.#parameters, { method: this.#method }, text, this.#ways.reading);
  }

  #withParameters(message: Uint8Array): Uint8Array {
    const { bytes } = this.#parameters;
    return bytes.length === 0 ? message : Buffer.concat([message, bytes]);
  }

  #halfClose(): void {
    if (this.#isHalfClosed) return;
    this.#isHalfClosed = true;
    if (this.#work.isIdle) this.#requests.end();
  }

  #converted(): void {
    if (this.#isOver) return;
    if (this.#isHalfClosed) this.#requests.end();
    else if (!this.#isFull) this.#socket.resume();
  }

  #fromUpstream(bytes: Uint8Array): boolean {
    if (this.#isOver) return true;
    if (this.#isBinary) return this.#socket.send(bytes, false);
    try {
      const { output } = this.#method;
      const message = messageOfBinary(output, bytes);
      for (const path of unknownNumbers(output, message)) this.#match.drop(path, "reply");
      return this.#socket.send(jsonOfMessage(output, message, this.#ways.reading.registry));
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
    this.#over(status.code !== 0, status.cause);
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

  #over(isFailed: boolean, cause?: Failure): void {
    this.#isOver = true;
    this.#work.stop();
    this.#ways.onOver(isFailed, cause);
  }
}

const decoder = new TextDecoder();

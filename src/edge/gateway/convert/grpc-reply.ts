/** The gateway as a gRPC server: messages out of an exchange's body, messages into its reply, a status at the end of it. */
import { Failure } from "../../../base/errors.ts";
import { type BodySink, type HeaderList, headerOf } from "../../../wire/http/index.ts";
import {
  ACCEPTED_ENCODINGS,
  encodingOf,
  frameMessage,
  type GrpcStatus,
  trailersOfStatus,
} from "../../../wire/protobuf/index.ts";
import type { Exchange } from "../words/index.ts";
import { statusOfRequestFailure } from "./failure-status.ts";
import { FrameSink } from "./frame-sink.ts";

const CONTENT = ["content-type", "application/grpc", "grpc-accept-encoding", ACCEPTED_ENCODINGS] as const;

/** The reply begins with its first message; without one it is trailers only. */
export class GrpcReply {
  /** The client takes more again. */
  onReady: (() => void) | undefined;
  readonly #exchange: Exchange;
  #metadata: HeaderList = [];
  #sink: BodySink | undefined;
  #isOver = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Before the first message. */
  setMetadata(metadata: HeaderList): void {
    this.#metadata = metadata;
  }

  message(message: Uint8Array): boolean {
    if (this.#isOver) return true;
    if (this.#sink === undefined) {
      this.#sink = this.#exchange.respond({ status: 200, headers: [...CONTENT, ...this.#metadata] });
      this.#sink.onReady = () => this.onReady?.();
    }
    return this.#sink.write(frameMessage(message));
  }

  end(status: GrpcStatus, metadata: HeaderList = []): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const trailers = [...metadata, ...trailersOfStatus(status)];
    if (this.#sink !== undefined) return this.#sink.end(trailers);
    this.#exchange.send({ status: 200, headers: [...CONTENT, ...this.#metadata, ...trailers] });
  }

  /** The client is gone. */
  stop(): void {
    this.#isOver = true;
  }
}

export interface GrpcRequestEvents {
  /** False: no more for now, until the sink is resumed. */
  onMessage(message: Uint8Array): boolean;
  onEnd(): void;
  onBroken(status: GrpcStatus, failure: Failure): void;
}

/** Starts the body of a gRPC request. */
export function readMessages(
  exchange: Exchange,
  messageBytesMax: number,
  events: GrpcRequestEvents,
): FrameSink | undefined {
  const named = headerOf(exchange.request.headers, "grpc-encoding");
  const encoding = encodingOf(named);
  if (encoding === undefined) {
    const failure = new Failure(
      "grpc.encoding",
      `reading messages failed: they are in ${named}; one of ${ACCEPTED_ENCODINGS} is required`,
    );
    exchange.body.cancel(failure);
    events.onBroken(statusOfRequestFailure(failure), failure);
    return undefined;
  }
  const sink = new FrameSink({ messageBytesMax }, encoding, {
    onMessage: (message) => events.onMessage(message),
    onEnd: () => events.onEnd(),
    onBroken: (failure) => events.onBroken(statusOfRequestFailure(failure), failure),
  });
  exchange.body.start(sink);
  return sink;
}

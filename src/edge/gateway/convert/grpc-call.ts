/**
 * One call of a gRPC upstream: its request's messages go out as they are given, its reply's messages come in, and it ends in a status, exactly
 * once, whatever happened: a reply that is no gRPC, a failure of the connection, trailers that do not come.
 */
import { Failure } from "../../../base/errors.ts";
import { type BodySource, type HeaderList, headerOf, type ReplyHead } from "../../../wire/http/index.ts";
import {
  ACCEPTED_ENCODINGS,
  codeOf,
  codeOfForeignReply,
  encodingOf,
  formatTimeout,
  type GrpcStatus,
  statusOfTrailers,
} from "../../../wire/protobuf/index.ts";
import type { UpstreamCall } from "../words/index.ts";
import { callOver, statusOfUpstreamFailure } from "./failure-status.ts";
import { FrameSink } from "./frame-sink.ts";
import { carriedFields, isGrpcType, mediaTypeOf } from "./metadata.ts";
import type { ConvertAsk, ConvertMatch } from "./words.ts";

export interface GrpcCallEvents {
  /** False: no more for now, until `resume`. */
  onMessage(message: Uint8Array): boolean;
  /** `metadata`: of head and trailers, without gRPC's own fields. */
  onEnd(status: GrpcStatus, metadata: HeaderList): void;
}

export interface GrpcCallRequest {
  readonly match: ConvertMatch;
  /** `/package.Service/Method` */
  readonly path: string;
  /** Fields for the upstream, carried over from the client. */
  readonly metadata: HeaderList;
  readonly body: BodySource;
  readonly timeoutMs: number | undefined;
  readonly isIdempotent: boolean;
  readonly messageBytesMax: number;
}

export class GrpcCall {
  readonly #events: GrpcCallEvents;
  readonly #messageBytesMax: number;
  #call: UpstreamCall | undefined;
  #sink: FrameSink | undefined;
  #head: HeaderList = [];
  #isDone = false;

  constructor(request: GrpcCallRequest, ask: ConvertAsk, events: GrpcCallEvents) {
    this.#events = events;
    this.#messageBytesMax = request.messageBytesMax;
    const headers: HeaderList = [...request.metadata, "content-type", "application/grpc", "te", "trailers"];
    headers.push("grpc-accept-encoding", ACCEPTED_ENCODINGS);
    if (request.timeoutMs !== undefined) headers.push("grpc-timeout", formatTimeout(request.timeoutMs));
    const head = { ...request.match.head, method: "POST", target: request.path, headers, protocol: undefined };
    const { body, timeoutMs, isIdempotent } = request;
    const call = ask(
      { head, body, timeoutMs, isIdempotent },
      {
        onReply: (reply, source) => this.#reply(reply, source),
        onFailure: (failure) => this.#finish(statusOfUpstreamFailure(failure), []),
      },
    );
    // It may have ended before it was known.
    if (!this.#isDone) this.#call = call;
  }

  /** No event follows. */
  cancel(cause: Failure): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#call?.cancel(cause);
  }

  resume(): void {
    this.#sink?.resume();
  }

  #reply(head: ReplyHead, source: BodySource): void {
    if (this.#isDone) return source.cancel(callOver());
    const broken = this.#refusal(head);
    if (broken !== undefined) {
      const cause = new Failure("gateway.upstream_protocol", broken.message);
      source.cancel(cause);
      const isTold = statusOfTrailers(head.headers) !== undefined; // by the upstream itself
      return this.#finish(isTold ? broken : { ...broken, cause }, []);
    }
    this.#head = head.headers;
    const only = statusOfTrailers(head.headers);
    const encoding = encodingOf(headerOf(head.headers, "grpc-encoding"));
    if (encoding === undefined) {
      const message = "the upstream compresses in a way that was not asked for";
      const cause = new Failure("gateway.upstream_protocol", message);
      source.cancel(cause);
      return this.#finish({ code: codeOf("INTERNAL"), message, cause }, []);
    }
    this.#sink = new FrameSink({ messageBytesMax: this.#messageBytesMax }, encoding, {
      onMessage: (message) => this.#isDone || this.#events.onMessage(message),
      onEnd: (trailers) => this.#ended(trailers ?? [], only),
      onBroken: (failure) => this.#broken(failure),
    });
    source.start(this.#sink);
  }

  #refusal(head: ReplyHead): GrpcStatus | undefined {
    if (head.status !== 200) {
      const known = statusOfTrailers(head.headers);
      return (
        known ?? {
          code: codeOfForeignReply(head.status),
          message: `the upstream answered with HTTP status ${head.status}`,
        }
      );
    }
    if (isGrpcType(mediaTypeOf(head.headers))) return undefined;
    return { code: codeOf("UNKNOWN"), message: "the upstream's reply is not gRPC" };
  }

  #ended(trailers: HeaderList, only: GrpcStatus | undefined): void {
    const status = statusOfTrailers(trailers) ?? only;
    this.#finish(
      status ?? { code: codeOf("INTERNAL"), message: "the upstream's reply ended without a status" },
      trailers,
    );
  }

  #broken(failure: Failure): void {
    if (this.#isDone) return;
    const status = failure.code.startsWith("grpc.") ? unreadable(failure) : statusOfUpstreamFailure(failure);
    this.#call?.cancel(failure);
    this.#finish(status, []);
  }

  #finish(status: GrpcStatus, trailers: HeaderList): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#events.onEnd(status, [...carriedFields(this.#head), ...carriedFields(trailers)]);
  }
}

/** To clients of HTTP what is too large is the upstream's fault: 429 would have them ask again. */
function unreadable(failure: Failure): GrpcStatus {
  const message = `the upstream's reply cannot be taken: ${failure.message}`;
  if (failure.code !== "grpc.message_too_large") return { code: codeOf("INTERNAL"), message, cause: failure };
  return { code: codeOf("RESOURCE_EXHAUSTED"), message, http: 502, cause: failure };
}

/**
 * How the result of a call reaches an HTTP client: one JSON value, or a stream of them (a line each, or events), with the status at the end.
 * A failure before the first message is the status of HTTP; after it, it is the last line or event, and in the trailers.
 */
import type { Failure } from "../../../base/errors.ts";
import { type BodySink, type HeaderList, headerOf } from "../../../wire/http/index.ts";
import { type GrpcStatus, httpOfCode, jsonOfStatus, trailersOfStatus } from "../../../wire/protobuf/index.ts";
import type { Exchange } from "../words/index.ts";

type Registry = Parameters<typeof jsonOfStatus>[1];

export type StreamForm = "ndjson" | "sse";

const encoder = new TextEncoder();
/** A page reads no trailers, and cannot tell the end from a cut; the same as of services. Lines need none: chunks have an end. */
const END_EVENT = encoder.encode("event: end\ndata: {}\n\n");

/** By what the client accepts; the route says what it gets when it takes both or does not say. */
export function streamFormOf(headers: HeaderList, usual: StreamForm): StreamForm {
  const accept = headerOf(headers, "accept") ?? "";
  const takesEvents = accept.includes("text/event-stream");
  const takesLines = /application\/(?:x-ndjson|jsonl|json)/.test(accept);
  if (takesEvents === takesLines) return usual;
  return takesEvents ? "sse" : "ndjson";
}

export function errorJson(status: GrpcStatus, registry: Registry): string {
  return JSON.stringify({ error: jsonOfStatus(status, registry) });
}

/** The whole reply is a failure. */
export function sendError(exchange: Exchange, status: GrpcStatus, registry: Registry, fields: HeaderList = []): void {
  const headers = [
    ...fields,
    "content-type",
    "application/json",
    "cache-control",
    "no-store",
    "grpc-status",
    String(status.code),
  ];
  exchange.send(
    { status: status.http ?? httpOfCode(status.code), headers },
    encoder.encode(errorJson(status, registry)),
  );
}

export function sendJson(exchange: Exchange, text: string, metadata: HeaderList): void {
  exchange.send({ status: 200, headers: [...metadata, "content-type", "application/json"] }, encoder.encode(text));
}

/** A stream that begins with its first message. */
export class JsonStream {
  readonly #exchange: Exchange;
  readonly #form: StreamForm;
  readonly #registry: Registry;
  readonly #ready: () => void;
  readonly #gone: (cause: Failure) => void;
  #sink: BodySink | undefined;

  constructor(
    exchange: Exchange,
    form: StreamForm,
    registry: Registry,
    ready: () => void,
    gone: (cause: Failure) => void,
  ) {
    this.#exchange = exchange;
    this.#form = form;
    this.#registry = registry;
    this.#ready = ready;
    this.#gone = gone;
  }

  /** False: no more for now. */
  message(json: string): boolean {
    this.#sink ??= this.#begin();
    return this.#sink.write(encoder.encode(this.#form === "sse" ? `data: ${json}\n\n` : `${json}\n`));
  }

  end(status: GrpcStatus, metadata: HeaderList): void {
    if (this.#sink === undefined && status.code !== 0)
      return sendError(this.#exchange, status, this.#registry, metadata);
    const sink = this.#sink ?? this.#begin();
    if (status.code !== 0) {
      const json = errorJson(status, this.#registry);
      sink.write(encoder.encode(this.#form === "sse" ? `event: error\ndata: ${json}\n\n` : `${json}\n`));
    } else if (this.#form === "sse") sink.write(END_EVENT);
    sink.end(trailersOfStatus(status));
  }

  #begin(): BodySink {
    const type = this.#form === "sse" ? "text/event-stream" : "application/x-ndjson";
    // Proxies between must not gather what is meant to come piece by piece.
    const headers = ["content-type", type, "cache-control", "no-cache", "x-accel-buffering", "no"];
    const sink = this.#exchange.respond({ status: 200, headers: [...headers, "trailer", "grpc-status, grpc-message"] });
    sink.onReady = this.#ready;
    sink.onCancel = this.#gone;
    return sink;
  }
}

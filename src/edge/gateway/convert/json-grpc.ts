/**
 * HTTP/JSON to gRPC. The body is read whole where it is one message, piece by piece where it is a stream of them; the reply is JSON or a stream
 * of it. The client learns of its own mistakes with their path, of the upstream's in the upstream's words.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import { type BodySource, BytesSource, type HeaderList, headerOf, withHeader } from "../../../wire/http/index.ts";
import {
  codeOf,
  type DescriptorStore,
  frameMessage,
  type GrpcStatus,
  type JsonReading,
  jsonOfField,
  jsonOfMessage,
  messageOfBinary,
  unknownNumbers,
} from "../../../wire/protobuf/index.ts";
import type { Exchange } from "../words/index.ts";
import { callOver, statusOfRequestFailure, statusOfUnreadable } from "./failure-status.ts";
import { collectBody } from "./flow.ts";
import { GrpcCall } from "./grpc-call.ts";
import { JsonBodyStream } from "./json-body-stream.ts";
import { bodyText, requestMessage } from "./json-message.ts";
import { JsonStream, sendError, sendJson, streamFormOf } from "./json-reply.ts";
import { findTarget, type JsonTarget } from "./json-target.ts";
import { carriedFields, clientTimeoutMs, codedBody, mediaTypeOf, refusalFields } from "./metadata.ts";
import { OrderedWork, type Turns } from "./turns.ts";
import type { ConvertAsk, ConvertMatch, OnOver } from "./words.ts";

/** What a web page may send anywhere without asking first. */
const SIMPLE_TYPES: ReadonlySet<string> = new Set([
  "",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "text/plain",
]);

export interface JsonWays {
  readonly store: DescriptorStore;
  readonly turns: Turns;
  readonly reading: JsonReading;
  /** Where descriptors may have become more: asks for them anew, once. */
  readonly refresh?: ((use: (ways: JsonWays) => void) => void) | undefined;
  /** Once, when it is over. */
  readonly onOver: OnOver;
}

export function convertJson(exchange: Exchange, match: ConvertMatch, ask: ConvertAsk, ways: JsonWays): void {
  new JsonExchange(exchange, match, ask, ways).begin();
}

class JsonExchange {
  readonly #exchange: Exchange;
  readonly #match: ConvertMatch;
  readonly #ask: ConvertAsk;
  #ways: JsonWays;
  readonly #path: string;
  readonly #query: string;
  #target!: JsonTarget;
  #call: GrpcCall | undefined;
  #stream: JsonStream | undefined;
  #input: JsonBodyStream | undefined;
  #work: OrderedWork | undefined;
  #message: Uint8Array | undefined;
  #isOver = false;

  constructor(exchange: Exchange, match: ConvertMatch, ask: ConvertAsk, ways: JsonWays) {
    this.#exchange = exchange;
    this.#match = match;
    this.#ask = ask;
    this.#ways = ways;
    const { target } = match.head;
    const mark = target.indexOf("?");
    this.#path = mark < 0 ? target : target.slice(0, mark);
    this.#query = mark < 0 ? "" : target.slice(mark + 1);
    exchange.onGone = (cause) => this.#gone(cause);
  }

  begin(): void {
    const foreign = foreignForm(this.#exchange) ?? codedBody(this.#exchange);
    if (foreign) return this.#refuse(foreign);
    try {
      this.#target = findTarget(this.#ways.store, {
        httpMethod: this.#exchange.request.method,
        path: this.#path,
        originalPath: this.#match.path,
        service: this.#match.route.options.convert.grpcService,
      });
    } catch (thrown) {
      const failure = toFailure(thrown, "gateway.convert_invalid");
      const { refresh } = this.#ways;
      if (refresh === undefined || failure.code !== "gateway.convert_unknown_method") return this.#refuse(failure);
      return refresh((ways) => {
        if (this.#isOver) return;
        this.#ways = ways;
        this.begin();
      });
    }
    if (this.#target.method.clientStreams) return this.#beginStream();
    collectBody(this.#exchange.body, this.#bytesMax, (whole) => {
      if (this.#isOver) return;
      if (whole instanceof Failure) return this.#refuse(whole);
      this.#askWith(whole);
    });
  }

  get #bytesMax(): number {
    return this.#match.route.options.convert.messageBytesMax;
  }

  #askWith(body: Uint8Array): void {
    this.#work = new OrderedWork(this.#ways.turns, "gateway.convert_invalid", {
      onIdle: () => {},
      onFailed: (failure) => this.#refuse(failure),
    });
    this.#work.add(body.length, this.#sendMessage(body));
  }

  *#sendMessage(body: Uint8Array): InTurns<void> {
    const parts = { query: this.#query, body: bodyText(body) };
    const message = yield* requestMessage(this.#target, parts, this.#ways.reading);
    this.#send(new BytesSource(frameMessage(message)));
  }

  /** Each value of the body is a message. */
  #beginStream(): void {
    if (this.#query !== "" || this.#target.captured.length > 0) {
      return this.#refuse(
        new Failure(
          "gateway.convert_unexpected",
          "converting a stream failed: it has parameters; all fields in the body are required",
        ),
      );
    }
    const { request, body } = this.#exchange;
    this.#input = new JsonBodyStream(request.headers, this.#bytesMax, this.#ways.turns, {
      convert: (text) => requestMessage(this.#target, { query: "", body: text }, this.#ways.reading),
      onBroken: (failure) => {
        this.#call?.cancel(failure);
        this.#fail(statusOfRequestFailure(failure));
      },
    });
    this.#send(this.#input.messages);
    if (!this.#isOver) body.start(this.#input);
  }

  #send(body: BodySource): void {
    const { method } = this.#target;
    if (method.serverStreams) {
      const form = streamFormOf(this.#exchange.request.headers, this.#match.route.options.convert.stream);
      this.#stream = new JsonStream(
        this.#exchange,
        form,
        this.#ways.reading.registry,
        () => this.#call?.resume(),
        (cause) => this.#gone(cause),
      );
    }
    const { headers } = this.#match.head;
    const clientMs = clientTimeoutMs(this.#exchange.request.headers);
    const request = {
      match: this.#match,
      path: method.path,
      metadata: carriedFields(headers),
      body,
      timeoutMs: this.#timeoutMs(clientMs),
      isIdempotent: method.isIdempotent && !method.clientStreams,
      messageBytesMax: this.#bytesMax,
    };
    this.#call = new GrpcCall(request, this.#ask, {
      onMessage: (message) => this.#received(message),
      onEnd: (status, metadata) => this.#ended(status, metadata),
    });
  }

  /** Streams may last: only the client can say how long. */
  #timeoutMs(clientMs: number | undefined): number | undefined {
    const { method } = this.#target;
    if (method.serverStreams || method.clientStreams) return clientMs;
    return Math.min(clientMs ?? Number.POSITIVE_INFINITY, this.#match.route.options.timeoutMs);
  }

  #received(message: Uint8Array): boolean {
    if (this.#isOver) return true;
    if (this.#stream === undefined) {
      if (this.#message === undefined) this.#message = message;
      else
        this.#breakOff({
          code: codeOf("INTERNAL"),
          message: "the upstream answered a single request with several messages",
        });
      return true;
    }
    try {
      return this.#stream.message(this.#jsonOf(message));
    } catch (thrown) {
      this.#breakOff(statusOfUnreadable(thrown));
      return true;
    }
  }

  #jsonOf(bytes: Uint8Array): string {
    const { method, rule } = this.#target;
    const { registry } = this.#ways.reading;
    const message = messageOfBinary(method.output, bytes);
    for (const path of unknownNumbers(method.output, message)) this.#match.drop(path, "reply");
    const field = rule?.responseBody ?? "";
    return field === ""
      ? jsonOfMessage(method.output, message, registry)
      : jsonOfField(method.output, message, field, registry);
  }

  #ended(status: GrpcStatus, metadata: HeaderList): void {
    if (this.#isOver) return;
    this.#input?.stop(callOver());
    if (this.#stream !== undefined) {
      this.#over(status.code !== 0, status.cause);
      return this.#stream.end(status, metadata);
    }
    if (status.code !== 0) return this.#fail(status, metadata);
    if (this.#message === undefined)
      return this.#fail({ code: codeOf("INTERNAL"), message: "the upstream answered without a message" });
    let text: string;
    try {
      text = this.#jsonOf(this.#message);
    } catch (thrown) {
      return this.#fail(statusOfUnreadable(thrown));
    }
    this.#over(false);
    sendJson(this.#exchange, text, metadata);
  }

  #breakOff(status: GrpcStatus): void {
    const failure = new Failure("gateway.upstream_protocol", status.message);
    this.#call?.cancel(failure);
    this.#input?.stop(failure);
    if (this.#stream === undefined) return this.#fail({ cause: failure, ...status });
    this.#over(true, status.cause ?? failure);
    this.#stream.end(status, []);
  }

  #refuse(failure: Failure): void {
    if (this.#isOver) return;
    this.#exchange.body.cancel(failure);
    const allow = failure.data?.allow;
    if (failure.code !== "gateway.convert_method" || !Array.isArray(allow))
      return this.#fail(statusOfRequestFailure(failure), refusalFields(failure));
    this.#over(true, failure);
    const body = new TextEncoder().encode(
      JSON.stringify({ error: { code: codeOf("UNIMPLEMENTED"), status: "UNIMPLEMENTED", message: failure.message } }),
    );
    const headers = withHeader(["content-type", "application/json"], "allow", allow.join(", "));
    this.#exchange.send({ status: 405, headers }, body);
  }

  #fail(status: GrpcStatus, metadata: HeaderList = []): void {
    if (this.#isOver) return;
    if (this.#stream !== undefined) {
      this.#over(true, status.cause);
      return this.#stream.end(status, metadata);
    }
    this.#over(true, status.cause);
    sendError(this.#exchange, status, this.#ways.reading.registry, metadata);
  }

  #gone(cause: Failure): void {
    if (this.#isOver) return;
    this.#over(true);
    this.#input?.stop(cause);
    this.#call?.cancel(cause);
  }

  #over(isFailed: boolean, cause?: Failure): void {
    this.#isOver = true;
    this.#work?.stop();
    this.#ways.onOver(isFailed, cause);
  }
}

/** A web page may send forms and plain text to anybody without asking first (CORS): from one they count for nothing. */
function foreignForm({ body, request: { headers } }: Pick<Exchange, "body" | "request">): Failure | undefined {
  const type = mediaTypeOf(headers);
  if (body.length === 0 || !SIMPLE_TYPES.has(type) || headerOf(headers, "origin") === undefined) return undefined;
  const message = `the body of a web page's request is ${type || "of no type"}; application/json is required`;
  return new Failure("gateway.convert_form", message);
}

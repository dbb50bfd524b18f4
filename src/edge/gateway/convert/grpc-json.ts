/**
 * gRPC to an HTTP/JSON upstream: one message in; one JSON value, or a stream of them, out. By the annotation where there is one, else
 * `POST /package.Service/Method`.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import { type BodySource, BytesSource, type HeaderList, headerOf, type ReplyHead } from "../../../wire/http/index.ts";
import {
  binaryOf,
  codeOf,
  codeOfApiReply,
  type DescriptorStore,
  elementsOfJson,
  type GrpcMethod,
  type GrpcStatus,
  type HttpRule,
  type JsonReading,
  jsonOfMessage,
  messageOfBinary,
  messageOfJson,
  type RuleRequest,
  requestOfMessage,
  unknownNumbers,
} from "../../../wire/protobuf/index.ts";
import type { Exchange, UpstreamCall } from "../words/index.ts";
import { errorText, statusOfErrorLine, statusOfErrorText } from "./api-error.ts";
import { callOver, statusOfRequestFailure, statusOfUnreadable, statusOfUpstreamFailure } from "./failure-status.ts";
import { collectBody } from "./flow.ts";
import type { FrameSink } from "./frame-sink.ts";
import { GrpcReply, readMessages } from "./grpc-reply.ts";
import { ERROR_TEXT_BYTES_MAX } from "./limits.ts";
import { carriedFields, clientTimeoutMs, mediaTypeOf } from "./metadata.ts";
import { TextStream } from "./text-stream.ts";
import type { ConvertAsk, ConvertMatch, OnOver } from "./words.ts";

export interface GrpcJsonWays {
  readonly store: DescriptorStore;
  /** Of replies of the upstream. */
  readonly reading: JsonReading;
  readonly onOver: OnOver;
}

export function convertGrpcJson(exchange: Exchange, match: ConvertMatch, ask: ConvertAsk, ways: GrpcJsonWays): void {
  new GrpcJsonExchange(exchange, match, ask, ways).begin();
}

class GrpcJsonExchange {
  readonly #exchange: Exchange;
  readonly #match: ConvertMatch;
  readonly #ask: ConvertAsk;
  readonly #ways: GrpcJsonWays;
  readonly #reply: GrpcReply;
  #method!: GrpcMethod;
  /** By which it was asked. */
  #rule: HttpRule | undefined;
  #message: Uint8Array | undefined;
  #call: UpstreamCall | undefined;
  #input: FrameSink | undefined;
  #stream: TextStream | undefined;

  constructor(exchange: Exchange, match: ConvertMatch, ask: ConvertAsk, ways: GrpcJsonWays) {
    this.#exchange = exchange;
    this.#match = match;
    this.#ask = ask;
    this.#ways = ways;
    this.#reply = new GrpcReply(exchange);
    this.#reply.onReady = () => this.#stream?.resume();
    exchange.onGone = (cause) => {
      if (this.#reply.isOver) return;
      this.#reply.stop();
      ways.onOver(true);
      this.#call?.cancel(cause);
    };
  }

  begin(): void {
    const path = pathOf(this.#match.head.target);
    const method = this.#ways.store.method(path) ?? this.#ways.store.method(this.#match.path);
    if (method === undefined) return this.#refuse(codeOf("UNIMPLEMENTED"), `${path} is no method that is known here`);
    if (method.clientStreams)
      return this.#refuse(codeOf("UNIMPLEMENTED"), `${path} takes a stream, which an HTTP upstream cannot`);
    this.#method = method;
    this.#input = readMessages(this.#exchange, this.#bytesMax, {
      onMessage: (message) => this.#received(message),
      onEnd: () => this.#askUpstream(),
      onBroken: (status) => this.#end(status),
    });
  }

  get #bytesMax(): number {
    return this.#match.route.options.convert.messageBytesMax;
  }

  #refuse(code: number, message: string): void {
    const cause = new Failure("gateway.convert_unknown_method", message);
    this.#exchange.body.cancel(cause);
    this.#end({ code, message, cause });
  }

  #received(message: Uint8Array): boolean {
    if (this.#message === undefined) this.#message = message;
    else {
      this.#input?.stop(new Failure("grpc.frame", "several messages"));
      this.#end({ code: codeOf("INVALID_ARGUMENT"), message: "the request has several messages; one is required" });
    }
    return true;
  }

  #askUpstream(): void {
    if (this.#reply.isOver) return;
    const match = this.#match;
    if (this.#message === undefined)
      return this.#end({ code: codeOf("INVALID_ARGUMENT"), message: "the request has no message; one is required" });
    let asked: RuleRequest;
    try {
      asked = this.#requestOf(this.#message);
    } catch (thrown) {
      return this.#end(statusOfRequestFailure(toFailure(thrown, "protobuf.binary")));
    }
    const headers: HeaderList = carriedFields(match.head.headers);
    headers.push(
      "accept",
      this.#method.serverStreams ? "application/x-ndjson, text/event-stream;q=0.9" : "application/json",
    );
    const body = asked.json === undefined ? undefined : new BytesSource(new TextEncoder().encode(asked.json));
    if (body !== undefined) headers.push("content-type", "application/json", "content-length", String(body.length));
    const timeoutMs = clientTimeoutMs(this.#exchange.request.headers);
    const head = { ...match.head, method: asked.httpMethod, target: asked.target, headers };
    const call = this.#ask(
      { head, body, timeoutMs, isIdempotent: this.#method.isIdempotent },
      {
        onReply: (replyHead, source) => this.#replied(replyHead, source),
        onFailure: (failure) => this.#end(statusOfUpstreamFailure(failure)),
      },
    );
    if (!this.#reply.isOver) this.#call = call;
  }

  #requestOf(bytes: Uint8Array): RuleRequest {
    const { input, path, rules } = this.#method;
    const { registry } = this.#ways.reading;
    const message = messageOfBinary(input, bytes);
    for (const path of unknownNumbers(input, message)) this.#match.drop(path, "request");
    if (rules.length > 0) return this.#requestByRule(input, message);
    return { httpMethod: "POST", target: path, json: jsonOfMessage(input, message, registry) };
  }

  /** The first of its annotations that the message fits; each of them names the fields that its path needs. */
  #requestByRule(input: GrpcMethod["input"], message: Parameters<typeof requestOfMessage>[2]): RuleRequest {
    let unfit: unknown;
    for (const rule of this.#method.rules) {
      try {
        const request = requestOfMessage(rule, input, message, this.#ways.reading.registry);
        this.#rule = rule;
        return request;
      } catch (thrown) {
        unfit ??= thrown;
      }
    }
    throw unfit;
  }

  #replied(head: ReplyHead, source: BodySource): void {
    if (this.#reply.isOver) return source.cancel(callOver());
    this.#reply.setMetadata(carriedFields(head.headers));
    const code = codeOfApiReply(head.status);
    if (code !== 0) return this.#failed(head, source, code);
    const type = mediaTypeOf(head.headers);
    const encoding = headerOf(head.headers, "content-encoding");
    if (encoding !== undefined && encoding !== "identity") {
      source.cancel(new Failure("gateway.upstream_protocol", "an unasked content-encoding"));
      return this.#end({
        code: codeOf("INTERNAL"),
        message: `the upstream's reply is compressed (${encoding}), which was not asked for`,
      });
    }
    if (this.#method.serverStreams && (type === "text/event-stream" || type !== "application/json"))
      return this.#streamed(type, source);
    collectBody(source, this.#bytesMax, (whole) => {
      if (this.#reply.isOver) return;
      if (whole instanceof Failure) return this.#end(statusOfUpstreamFailure(whole));
      this.#whole(new TextDecoder().decode(whole));
    });
  }

  #failed(head: ReplyHead, source: BodySource, code: number): void {
    collectBody(source, ERROR_TEXT_BYTES_MAX, (whole) => {
      const told = whole instanceof Failure ? undefined : errorText(new TextDecoder().decode(whole));
      this.#end({ code, message: told ?? `the upstream answered with HTTP status ${head.status}` });
    });
  }

  /** One value; of a stream also an array of them. */
  #whole(text: string): void {
    try {
      if (this.#method.serverStreams) {
        for (const value of elementsOfJson(text)) this.#reply.message(this.#messageOf(value));
      } else {
        this.#reply.message(this.#messageOf(text === "" ? "{}" : text));
      }
    } catch (thrown) {
      return this.#end(statusOfUnreadable(thrown));
    }
    this.#end({ code: 0, message: "" });
  }

  #streamed(type: string, source: BodySource): void {
    this.#stream = new TextStream(type === "text/event-stream", this.#bytesMax, {
      onText: (text, isError) => {
        if (this.#reply.isOver) return true;
        const status = isError ? statusOfErrorText(text) : statusOfErrorLine(text, this.#method.output);
        if (status !== undefined) {
          this.#breakOff(status);
          return true;
        }
        try {
          return this.#reply.message(this.#messageOf(text));
        } catch (thrown) {
          this.#breakOff(statusOfUnreadable(thrown));
          return true;
        }
      },
      onEnd: () => this.#end({ code: 0, message: "" }),
      onBroken: (failure) =>
        this.#end(failure.code.startsWith("grpc.") ? statusOfUnreadable(failure) : statusOfUpstreamFailure(failure)),
    });
    source.start(this.#stream);
  }

  #messageOf(json: string): Uint8Array {
    const { output } = this.#method;
    const field = this.#rule?.responseBody ?? "";
    const text = field === "" ? json : `{${JSON.stringify(field)}:${json}}`;
    return binaryOf(output, messageOfJson(output, text, this.#ways.reading));
  }

  #breakOff(status: GrpcStatus): void {
    this.#end(status);
    this.#stream?.stop(callOver());
  }

  #end(status: GrpcStatus): void {
    if (this.#reply.isOver) return;
    this.#ways.onOver(status.code !== 0, status.cause);
    this.#reply.end(status);
  }
}

function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? target : target.slice(0, mark);
}

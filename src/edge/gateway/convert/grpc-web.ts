/**
 * gRPC-web to gRPC: the frames go through as they are (in or out of base64 for `-text`), and the trailers become the last frame of the reply.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import {
  type BodySink,
  type BodySource,
  CancelHearingSink,
  type HeaderList,
  PassingSink,
  withHeader,
  withoutHeader,
} from "../../../wire/http/index.ts";
import {
  Base64Reader,
  codeOf,
  encodeBase64,
  type GrpcStatus,
  statusOfTrailers,
  trailersFrame,
  trailersOfStatus,
} from "../../../wire/protobuf/index.ts";
import type { Exchange, UpstreamCall } from "../words/index.ts";
import { callOver, statusOfRequestFailure, statusOfUpstreamFailure } from "./failure-status.ts";
import { BodyPipe } from "./flow.ts";
import { clientTimeoutMs, isGrpcType, mediaTypeOf } from "./metadata.ts";
import type { ConvertAsk, ConvertMatch, OnOver } from "./words.ts";

export function convertGrpcWeb(exchange: Exchange, match: ConvertMatch, ask: ConvertAsk, onOver: OnOver): void {
  new WebExchange(exchange, onOver).begin(match, ask);
}

class WebExchange implements WebReplyOwner {
  readonly #exchange: Exchange;
  readonly #onOver: OnOver;
  readonly #isText: boolean;
  readonly #type: string;
  #call: UpstreamCall | undefined;
  #hasReply = false;
  #isOver = false;

  constructor(exchange: Exchange, onOver: OnOver) {
    this.#exchange = exchange;
    this.#onOver = onOver;
    this.#type = mediaTypeOf(exchange.request.headers);
    this.#isText = this.#type.startsWith("application/grpc-web-text");
    exchange.onGone = (cause) => this.gone(cause);
  }

  begin(match: ConvertMatch, ask: ConvertAsk): void {
    const suffix = /\+[\w.-]+$/.exec(this.#type)?.[0] ?? "";
    const plain = ["content-length", "accept", "x-grpc-web", "te", "accept-encoding"].reduce(
      withoutHeader,
      match.head.headers,
    );
    const headers = withHeader(withHeader(plain, "content-type", `application/grpc${suffix}`), "te", "trailers");
    const body = this.#isText ? this.#decoded() : this.#exchange.body;
    if (this.#isOver) return; // what has come already is no base64
    const timeoutMs = clientTimeoutMs(this.#exchange.request.headers);
    const call = ask(
      { head: { ...match.head, headers }, body, timeoutMs },
      {
        onReply: (head, source) => this.#reply(head.status, head.headers, source),
        onFailure: (failure) => this.#finish(statusOfUpstreamFailure(failure)),
      },
    );
    if (!this.#isOver) this.#call = call;
  }

  #decoded(): BodySource {
    const pipe = new BodyPipe();
    const decoder = new Base64Sink(pipe, (failure) => {
      this.#call?.cancel(failure);
      this.#finish(statusOfRequestFailure(failure));
    });
    this.#exchange.body.start(decoder);
    return pipe;
  }

  #reply(status: number, headers: HeaderList, source: BodySource): void {
    if (this.#isOver) return source.cancel(callOver());
    if (status !== 200 || !isGrpcType(mediaTypeOf(headers))) {
      source.cancel(new Failure("gateway.upstream_protocol", "the reply is no gRPC"));
      return this.#finish({
        code: codeOf(status === 200 ? "UNKNOWN" : "UNAVAILABLE"),
        message: `the upstream answered with HTTP status ${status}`,
      });
    }
    const plain = ["content-length", "trailer"].reduce(withoutHeader, headers);
    const head = { status: 200, headers: withHeader(plain, "content-type", this.#type) };
    this.#hasReply = true;
    source.start(new WebReply(this.#exchange.respond(head), this.#isText, statusOfTrailers(headers), this));
  }

  /** Before a reply. */
  #finish(status: GrpcStatus): void {
    if (this.#isOver || this.#hasReply) return;
    this.over(true, status.cause);
    this.#exchange.send({ status: 200, headers: ["content-type", this.#type, ...trailersOfStatus(status)] });
  }

  gone(cause: Failure): void {
    this.over(true);
    this.#call?.cancel(cause);
  }

  over(isFailed: boolean, cause?: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver(isFailed, cause);
  }

  get isOver(): boolean {
    return this.#isOver;
  }
}

interface WebReplyOwner {
  readonly isOver: boolean;
  over(isFailed: boolean): void;
  /** The client takes no more. */
  gone(cause: Failure): void;
}

/** gRPC's frames on their way to the client, and behind them one more: the trailers. */
class WebReply extends CancelHearingSink {
  readonly #isText: boolean;
  /** It stands in the head already: there may be no trailers. */
  readonly #early: GrpcStatus | undefined;
  readonly #owner: WebReplyOwner;

  constructor(inner: BodySink, isText: boolean, early: GrpcStatus | undefined, owner: WebReplyOwner) {
    super(inner);
    this.#isText = isText;
    this.#early = early;
    this.#owner = owner;
  }

  override write(chunk: Uint8Array): boolean {
    return this.#owner.isOver || this.inner.write(this.#isText ? encodeBase64(chunk) : chunk);
  }

  override end(trailers?: HeaderList): void {
    const status = trailers && statusOfTrailers(trailers);
    if (trailers !== undefined && status !== undefined) this.#endWith(trailers, status);
    else if (this.#early === undefined) this.#endWith(trailersOfStatus(NO_STATUS), NO_STATUS);
    else this.#endWith([], this.#early);
  }

  override abort(cause: Failure): void {
    const status = statusOfUpstreamFailure(cause);
    this.#endWith(trailersOfStatus(status), status);
  }

  #endWith(trailers: HeaderList, status: GrpcStatus): void {
    if (this.#owner.isOver) return;
    if (trailers.length > 0) this.write(trailersFrame(trailers));
    this.#owner.over(status.code !== 0);
    this.inner.end();
  }

  protected override cancelled(cause: Failure): void {
    this.#owner.gone(cause);
  }
}

const NO_STATUS: GrpcStatus = { code: codeOf("INTERNAL"), message: "the upstream's reply ended without a status" };

class Base64Sink extends PassingSink {
  readonly #onBroken: (failure: Failure) => void;
  readonly #reader = new Base64Reader();

  constructor(to: BodyPipe, onBroken: (failure: Failure) => void) {
    super(to);
    this.#onBroken = onBroken;
  }

  override write(chunk: Uint8Array): boolean {
    try {
      return this.inner.write(this.#reader.read(chunk));
    } catch (thrown) {
      this.#break(thrown);
      return true;
    }
  }

  override end(): void {
    try {
      this.#reader.end();
    } catch (thrown) {
      this.onCancel = undefined; // nothing is left to cancel
      return this.#break(thrown);
    }
    this.inner.end();
  }

  #break(thrown: unknown): void {
    const failure = toFailure(thrown, "grpc.web_base64");
    this.#onBroken(failure); // first: a call whose body breaks off fails as if its upstream were to blame
    this.inner.abort(failure);
    this.onCancel?.(failure);
  }
}

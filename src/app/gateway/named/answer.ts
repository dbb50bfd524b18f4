/** Answers of this program as replies of an upstream: whole ones at once, streams as fast as the client takes them. */
import { type Failure, toFailure } from "../../../base/errors.ts";
import type { UpstreamEvents } from "../../../edge/gateway/words/index.ts";
import { type BodySink, type BodySource, BytesSource, type HeaderList } from "../../../wire/http/index.ts";
import type { PostAnswer } from "../../../work/pipeline/source/index.ts";
import { identified, PROBLEM_TYPE, problemAnswer, problemHeaders } from "./problems.ts";

/** The runtime's own type of it has more than any stream gives. */
interface StreamReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(reason: Failure): Promise<void>;
}

/** Fields of one hop, and what the listener says itself. */
const OWN: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

export function passAnswer(answer: PostAnswer, events: UpstreamEvents, requestId?: string): void {
  const { headers, status, text } = problemAnswer(answer, requestId);
  const list = Object.entries(headers).flat();
  const told = headers["content-type"] === PROBLEM_TYPE ? problemHeaders(list, requestId) : list;
  events.onReply({ status, headers: told }, new BytesSource(Buffer.from(text)));
  events.onOver?.(undefined);
}

/** Nothing is heard of it any more once `gone` aborts. A problem gets the id; without one it is passed on as it is. */
export function passResponse(response: Response, events: UpstreamEvents, gone: AbortSignal, requestId?: string): void {
  let headers: HeaderList = [];
  for (const [name, value] of response.headers) if (!OWN.has(name)) headers.push(name, value);
  let { body } = response;
  const { status } = response;
  if (body !== null && requestId !== undefined && response.headers.get("content-type") === PROBLEM_TYPE) {
    headers = problemHeaders(headers, requestId);
    body = identified(body, requestId);
  }
  if (body !== null) return events.onReply({ status, headers }, new StreamSource(body, events, gone));
  events.onReply({ status, headers }, new BytesSource(new Uint8Array(0)));
  events.onOver?.(undefined);
}

class StreamSource implements BodySource {
  readonly length = undefined;
  readonly #stream: ReadableStream<Uint8Array>;
  readonly #events: UpstreamEvents;
  readonly #gone: AbortSignal;

  constructor(stream: ReadableStream<Uint8Array>, events: UpstreamEvents, gone: AbortSignal) {
    this.#stream = stream;
    this.#events = events;
    this.#gone = gone;
  }

  start(sink: BodySink): void {
    void new Pouring(this.#stream, sink, this.#events, this.#gone).pour();
  }

  cancel(cause: Failure): void {
    this.#stream.cancel(cause).catch(() => {}); // nobody wants it: how it ends is of no matter
    if (!this.#gone.aborted) this.#events.onOver?.(cause);
  }
}

/** One stream on its way into a sink. It ends with its last byte, when the sink wants no more, or when the call is cancelled. */
class Pouring {
  readonly #reader: StreamReader;
  readonly #sink: BodySink;
  readonly #events: UpstreamEvents;
  readonly #gone: AbortSignal;
  #ready = Promise.withResolvers<void>();
  #cancelled: Failure | undefined;
  readonly #whenGone = (): void => this.#cancel(toFailure(this.#gone.reason, "gateway.cancelled"));

  constructor(stream: ReadableStream<Uint8Array>, sink: BodySink, events: UpstreamEvents, gone: AbortSignal) {
    this.#reader = stream.getReader();
    this.#sink = sink;
    this.#events = events;
    this.#gone = gone;
    sink.onReady = () => this.#ready.resolve();
    sink.onCancel = (cause) => this.#cancel(cause);
    if (gone.aborted) this.#whenGone();
    else gone.addEventListener("abort", this.#whenGone, { once: true });
  }

  async pour(): Promise<void> {
    let cause: Failure | undefined;
    try {
      await this.#pieces();
    } catch (thrown) {
      cause = toFailure(thrown, "gateway.upstream_closed");
    }
    this.#gone.removeEventListener("abort", this.#whenGone);
    cause = this.#cancelled ?? cause;
    if (cause === undefined) this.#sink.end();
    else if (this.#cancelled === undefined) this.#sink.abort(cause);
    if (!this.#gone.aborted) this.#events.onOver?.(cause);
  }

  async #pieces(): Promise<void> {
    while (!this.#cancelled) {
      const { done, value } = await this.#reader.read(); // ends when it is cancelled
      if (done || value === undefined || this.#cancelled) return;
      this.#ready = Promise.withResolvers();
      if (!this.#sink.write(value)) await this.#ready.promise;
    }
  }

  #cancel(cause: Failure): void {
    if (this.#cancelled) return;
    this.#cancelled = cause;
    this.#ready.resolve();
    this.#reader.cancel(cause).catch(() => {}); // nobody wants it: how it ends is of no matter
  }
}

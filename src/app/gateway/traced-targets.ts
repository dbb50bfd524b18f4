/**
 * A span for each try at a target, below the span of its request: who was asked, the how manieth try it was, and what came of it. The
 * target gets the try's context in `traceparent`, so that what it does stands below the try. Requests of traces that nobody records go by
 * untouched, and so do health checks, which belong to no request.
 */
import type { Failure } from "../../base/errors.ts";
import { type Attributes, isUnsampled, type Span, type Tracer } from "../../base/trace.ts";
import type { NamedTargets } from "../../edge/gateway/upstream/index.ts";
import type {
  NamedTarget,
  UpstreamCall,
  UpstreamEvents,
  UpstreamRequest,
  Upstreams,
} from "../../edge/gateway/words/index.ts";
import {
  type BodySource,
  headerOf,
  type RawStream,
  type ReplyHead,
  type RequestHead,
  withHeader,
} from "../../wire/http/index.ts";
import { TRACEPARENT_HEADER } from "../../wire/rpc/index.ts";

export function tracedUpstreams(upstreams: Upstreams, tracer: Tracer): Upstreams {
  if (!tracer.isEnabled) return upstreams;
  return {
    ask(request, events) {
      const parent = recordedParent(request.head);
      if (parent === undefined) return upstreams.ask(request, events);
      const { head, isDynamic, origin, resends } = request;
      const { host, port, scheme } = origin;
      // A name made of what clients send would be another one each time.
      const name = isDynamic ? head.method : `${head.method} ${scheme}://${host}:${port}`;
      const more = { "server.address": host, "server.port": port, "url.scheme": scheme };
      const span = tracer.start(name, { kind: "client", parent, attributes: attributesOf(head, resends, more) });
      return followed(span, events, (heard) => upstreams.ask(withHead(request, span), heard));
    },
  };
}

export function tracedNamed(named: NamedTargets, tracer: Tracer): NamedTargets {
  if (!tracer.isEnabled) return named;
  return {
    ask(target, request, events) {
      const parent = recordedParent(request.head);
      if (parent === undefined) return named.ask(target, request, events);
      const { head, resends } = request;
      const text = textOf(target);
      const attributes = attributesOf(head, resends, { "distributed_system.target": text });
      const span = tracer.start(`${head.method} ${text}`, { kind: "client", parent, attributes });
      return followed(span, events, (heard) => named.ask(target, withHead(request, span), heard));
    },
  };
}

function recordedParent({ headers }: RequestHead): string | undefined {
  const parent = headerOf(headers, TRACEPARENT_HEADER);
  return parent === undefined || isUnsampled(parent) ? undefined : parent;
}

function attributesOf({ method }: RequestHead, resends: number | undefined, more: Attributes): Attributes {
  return {
    "http.request.method": method,
    ...more,
    ...(resends !== undefined && resends > 0 && { "http.request.resend_count": resends }),
  };
}

function withHead<R extends Pick<UpstreamRequest, "head">>(request: R, { traceparent }: Span): R {
  if (traceparent === undefined) return request;
  const { head } = request;
  return { ...request, head: { ...head, headers: withHeader(head.headers, TRACEPARENT_HEADER, traceparent) } };
}

function textOf(target: NamedTarget): string {
  switch (target.kind) {
    case "service":
      return `service://${target.service}.${target.method}`;
    case "pipeline":
      return `pipeline://${target.pipeline}`;
    case "task":
      return `task://${target.file}`;
    case "none":
      return "none";
  }
}

function followed(span: Span, events: UpstreamEvents, ask: (heard: UpstreamEvents) => UpstreamCall): UpstreamCall {
  if (!span.isRecording) return ask(events);
  const followed = new TracedTry(span, events);
  followed.call = ask(followed);
  return followed;
}

/** What becomes of the try, told on and noted. */
class TracedTry implements UpstreamEvents, UpstreamCall {
  call: UpstreamCall | undefined;
  readonly #span: Span;
  readonly #events: UpstreamEvents;

  constructor(span: Span, events: UpstreamEvents) {
    this.#span = span;
    this.#events = events;
  }

  onInform(head: ReplyHead): void {
    this.#events.onInform?.(head);
  }

  onReply(head: ReplyHead, body: BodySource): void {
    this.#answered(head);
    this.#events.onReply(head, body);
  }

  onUpgrade(head: ReplyHead, stream: RawStream): void {
    this.#answered(head);
    this.#events.onUpgrade?.(head, stream);
  }

  onFailure(failure: Failure, isUnsent: boolean): void {
    this.#failed(failure);
    this.#events.onFailure(failure, isUnsent);
  }

  onOver(cause: Failure | undefined): void {
    if (cause) this.#failed(cause);
    else this.#span.end();
    this.#events.onOver?.(cause);
  }

  cancel(cause: Failure): void {
    this.#failed(cause);
    this.call?.cancel(cause);
  }

  /** As OpenTelemetry has it, a client's span has failed when the reply says so, whoever is to blame. */
  #answered({ status }: ReplyHead): void {
    this.#span.set({ "http.response.status_code": status });
    if (status >= 400) this.#span.fail(`status ${status}`);
  }

  #failed(failure: Failure): void {
    this.#span.set({ "error.type": failure.code });
    this.#span.fail(failure);
    this.#span.end();
  }
}

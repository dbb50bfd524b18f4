/**
 * What the gateway's core and the conversions say to each other. A conversion takes an exchange whose route and target are decided,
 * asks the upstream in the upstream's language, and answers the client in the client's. It is told how to ask and never picks a target.
 */
import type { Failure } from "../../../base/errors.ts";
import type { BodySource, RequestHead } from "../../../wire/http/index.ts";
import type { DescriptorStore } from "../../../wire/protobuf/index.ts";
import type { Exchange, Origin, RoutePlan, UpstreamCall, UpstreamEvents } from "../words/index.ts";

/** Whose message held it. */
export type DroppedFrom = "request" | "reply";

/** The exchange as far as the core has brought it. */
export interface ConvertMatch {
  readonly route: RoutePlan;
  /** Of the target that `ask` will ask. */
  readonly scheme: Origin["scheme"];
  /**
   * What would be asked if nothing were converted: `target` rewritten (path and query), headers edited. The target's base path is not in it:
   * `ask` puts it before whatever path it is given.
   */
  readonly head: RequestHead;
  /** The client's path, normalised but not rewritten: annotations may be meant for it. */
  readonly path: string;
  /** Answers in the gateway's own words, as where nothing is converted. */
  refuse(failure: Failure): void;
  /** For the log, before the exchange is answered: why the conversion itself refuses the request, or what of the upstream it cannot take. */
  blame(failure: Failure): void;
  /** Counts, and notes for the log, what a message holds and no descriptor knows. `path`: where it stood (`book.titel`, `?nothing`, `#1000`). */
  drop(path: string, from: DroppedFrom): void;
  /** Takes a request that a message on the client's socket is, as if it had come by itself: it is routed, checked and counted anew. */
  enter(exchange: Exchange): void;
}

/** What a conversion wants from the upstream; place, TLS, time-outs, retries are the core's. */
export interface ConvertRequest {
  readonly head: RequestHead;
  readonly body?: BodySource | undefined;
  /** The client's own deadline, where it named one: the call may take no longer than this, nor longer than the route allows. */
  readonly timeoutMs?: number | undefined;
  /** The same request may be asked twice without harm and its body is at hand. */
  readonly isIdempotent?: boolean | undefined;
}

/** As `Upstreams.ask`: events may come before it returns. */
export type ConvertAsk = (request: ConvertRequest, events: UpstreamEvents) => UpstreamCall;

/** A conversion is over: `cause` where it decided that itself. Told before the client has its answer. */
export type OnOver = (isFailed: boolean, cause?: Failure) => void;

/** What is turned into what; client's language first. */
export type ConversionKind =
  /** Reflection and health, answered by the gateway itself. */
  | "grpc-own"
  | "grpc-web"
  | "json-grpc"
  | "websocket-grpc"
  | "grpc-json"
  | "websocket-http"
  | "http-websocket"
  | "websocket";

/** The conversions of one route. They end the exchange in every case, and cancel what they asked when the client goes. */
export interface Converter {
  /** What this request needs before a target of that scheme; undefined: nothing, it is passed on as it is. */
  kindOf(request: RequestHead, scheme: Origin["scheme"]): ConversionKind | undefined;
  /** Takes the exchange over, also its `onGone`. */
  convert(kind: ConversionKind, exchange: Exchange, match: ConvertMatch, ask: ConvertAsk): void;
  counts(): ConvertCounts;
  /** Given by files. */
  readonly descriptors?: DescriptorStore | undefined;
}

export interface ConvertCounts {
  /** By kind, how many were begun and how many of them failed. */
  readonly begun: Readonly<Record<ConversionKind, number>>;
  readonly failed: Readonly<Record<ConversionKind, number>>;
  /** Descriptors fetched from the upstream, and fetches that failed. */
  readonly reflections: number;
  readonly reflectionsFailed: number;
}

/** What conversions need from around them. */
export interface ConvertPorts {
  /** The bytes of a file, undefined when there is none; the path as it was joined from the import paths. */
  readFile(path: string): Uint8Array | undefined;
  /** Where an upstream serves no health of its own: whether the service may be asked. `""`: all of them; undefined: not known. */
  health(service: string): boolean | undefined;
  /** Tells the health again when it changes, until the returned function is called. */
  watchHealth(listener: () => void): () => void;
  /** Ids for messages that carry none. */
  nextId(): string;
  /** That nobody can foresee: keys and masks of WebSocket. */
  randomBytes(length: number): Uint8Array;
}

/** The conversions of one route: decides what a request needs, has it done, and counts. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { RequestHead } from "../../../wire/http/index.ts";
import { type DescriptorStore, type JsonReading, loadDescriptors } from "../../../wire/protobuf/index.ts";
import type { Exchange, Origin, RoutePlan } from "../words/index.ts";
import { RouteDescriptors } from "./descriptors.ts";
import { statusOfRequestFailure } from "./failure-status.ts";
import { convertGrpcJson } from "./grpc-json.ts";
import { GrpcReply } from "./grpc-reply.ts";
import { convertGrpcWeb } from "./grpc-web.ts";
import { convertHttpToSocket } from "./http-websocket.ts";
import { convertJson, type JsonWays } from "./json-grpc.ts";
import { sendError } from "./json-reply.ts";
import { valuesMaxOf } from "./limits.ts";
import { isGrpcType, isGrpcWebType, mediaTypeOf } from "./metadata.ts";
import { type OwnWays, ownMethodOf, serveOwn } from "./own-services.ts";
import type { SocketTerms } from "./socket-life.ts";
import { Turns } from "./turns.ts";
import { convertSocketToGrpc } from "./websocket-grpc.ts";
import { convertSocketToHttp } from "./websocket-http.ts";
import { passSocket } from "./websocket-pass.ts";
import type {
  ConversionKind,
  ConvertAsk,
  ConvertCounts,
  Converter,
  ConvertMatch,
  ConvertPorts,
  DroppedFrom,
  OnOver,
} from "./words.ts";

/** Reads the route's descriptors. Fails with `protobuf.*` where they cannot be read. */
export async function openConverter(route: RoutePlan, ports: ConvertPorts, clock: Clock): Promise<Converter> {
  const { importPaths, proto } = route.options.convert;
  const store =
    proto.length === 0
      ? undefined
      : await loadDescriptors({ files: proto, importPaths, readFile: (path) => ports.readFile(path) });
  return new RouteConverter(route, store, ports, clock);
}

export class RouteConverter implements Converter {
  readonly #route: RoutePlan;
  readonly #ports: ConvertPorts;
  readonly #terms: SocketTerms;
  readonly #descriptors: RouteDescriptors;
  readonly #turns: Turns;
  readonly #begun = zeroes();
  readonly #failed = zeroes();

  constructor(route: RoutePlan, store: DescriptorStore | undefined, ports: ConvertPorts, clock: Clock) {
    this.#route = route;
    this.#ports = ports;
    const { convert, idleTimeoutMs } = route.options;
    this.#terms = { clock, idleMs: idleTimeoutMs, messageBytesMax: convert.messageBytesMax };
    this.#turns = new Turns(clock);
    this.#descriptors = new RouteDescriptors(store, clock);
  }

  kindOf(request: RequestHead, scheme: Origin["scheme"]): ConversionKind | undefined {
    const { mode } = this.#route.options.convert;
    if (mode === "off") return undefined;
    const isSocket = request.protocol === "websocket";
    if (scheme === "grpc" || scheme === "grpcs") return isSocket ? "websocket-grpc" : this.#grpcKindOf(request);
    if (scheme === "ws" || scheme === "wss") return isSocket ? "websocket" : "http-websocket";
    // A message could reach what the socket's own request could not: only where the file asks for it. Else the upstream gets to see the socket.
    if (isSocket) return mode === "websocket-http" ? "websocket-http" : undefined;
    return mode === "grpc-json" && isGrpcType(mediaTypeOf(request.headers))
      ? this.#ownOr(request, "grpc-json")
      : undefined;
  }

  #grpcKindOf(request: RequestHead): ConversionKind | undefined {
    const type = mediaTypeOf(request.headers);
    if (isGrpcType(type)) return this.#ownOr(request, undefined);
    return isGrpcWebType(type) ? "grpc-web" : "json-grpc";
  }

  /** Only what files describe is told by the gateway itself: an upstream that reflects can speak for itself. */
  #ownOr(request: RequestHead, other: ConversionKind | undefined): ConversionKind | undefined {
    if (this.#descriptors.given === undefined || ownMethodOf(request.target) === undefined) return other;
    return "grpc-own";
  }

  convert(kind: ConversionKind, exchange: Exchange, match: ConvertMatch, ask: ConvertAsk): void {
    this.#begun[kind]++;
    const onOver: OnOver = (isFailed, cause) => {
      if (isFailed) this.#failed[kind]++;
      if (cause !== undefined) match.blame(cause);
    };
    if (kind === "grpc-web") return convertGrpcWeb(exchange, match, ask, onOver);
    const ways = { ports: this.#ports, terms: this.#terms, turns: this.#turns, onOver };
    if (kind === "websocket") return passSocket(exchange, match, ask, ways);
    if (kind === "websocket-http") return convertSocketToHttp(exchange, match, ways);
    if (kind === "http-websocket") return convertHttpToSocket(exchange, match, ask, ways);
    let isGone = false;
    exchange.onGone = () => {
      isGone = true;
      onOver(true);
    };
    this.#descriptors.get(match, ask, (store) => {
      if (isGone) return;
      if (store instanceof Failure) return this.#refuse(exchange, store, onOver);
      this.#withStore(kind, exchange, match, ask, store, onOver);
    });
  }

  #withStore(
    kind: ConversionKind,
    exchange: Exchange,
    match: ConvertMatch,
    ask: ConvertAsk,
    store: DescriptorStore,
    onOver: OnOver,
  ): void {
    const reading = this.#readingOf(store, match, kind === "grpc-json" ? "reply" : "request");
    // Its JSON is the upstream's, which is as large as it is.
    if (kind === "grpc-json")
      return convertGrpcJson(exchange, match, ask, { store, reading: { ...reading, valuesMax: undefined }, onOver });
    if (kind === "grpc-own")
      return serveOwn(ownMethodOf(exchange.request.target)!, exchange, this.#ownWays(store, onOver));
    if (kind === "websocket-grpc")
      return convertSocketToGrpc(exchange, match, ask, {
        store,
        reading,
        terms: this.#terms,
        turns: this.#turns,
        onOver,
      });
    const ways = { store, reading, turns: this.#turns, onOver };
    const refresh = (use: (again: JsonWays) => void): void =>
      this.#descriptors.refresh(match, ask, (again) => {
        use(
          again instanceof Failure
            ? ways
            : { ...ways, store: again, reading: this.#readingOf(again, match, "request") },
        );
      });
    convertJson(exchange, match, ask, { ...ways, refresh });
  }

  #ownWays(store: DescriptorStore, onOver: OnOver): OwnWays {
    const knows = (service: string): boolean =>
      service === "" || store.services().some(({ typeName }) => typeName === service);
    return {
      store,
      health: (service) => (knows(service) ? this.#ports.health(service) : undefined),
      watchHealth: (listener) => this.#ports.watchHealth(listener),
      onOver,
    };
  }

  get descriptors(): DescriptorStore | undefined {
    return this.#descriptors.given;
  }

  #refuse(exchange: Exchange, failure: Failure, onOver: OnOver): void {
    const status = statusOfRequestFailure(failure);
    onOver(true, failure);
    exchange.body.cancel(failure);
    if (isGrpcType(mediaTypeOf(exchange.request.headers))) new GrpcReply(exchange).end(status);
    else sendError(exchange, status, undefined);
  }

  /** `from`: whose messages come as JSON. */
  #readingOf(store: DescriptorStore, match: ConvertMatch, from: DroppedFrom): JsonReading {
    const { messageBytesMax, unknownFields } = this.#route.options.convert;
    const onDropped = unknownFields === "count" ? (path: string) => match.drop(path, from) : undefined;
    return { registry: store.registry, onDropped, valuesMax: valuesMaxOf(messageBytesMax) };
  }

  counts(): ConvertCounts {
    return {
      begun: { ...this.#begun },
      failed: { ...this.#failed },
      reflections: this.#descriptors.fetches,
      reflectionsFailed: this.#descriptors.failures,
    };
  }
}

function zeroes(): Record<ConversionKind, number> {
  return {
    "grpc-own": 0,
    "grpc-web": 0,
    "json-grpc": 0,
    "websocket-grpc": 0,
    "grpc-json": 0,
    "websocket-http": 0,
    "http-websocket": 0,
    websocket: 0,
  };
}

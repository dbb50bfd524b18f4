/** Both ends of a conversion: a client's exchange and an upstream, kept in memory, that tests look into and drive. */
import { Failure } from "../../../../../src/base/errors.ts";
import type {
  ConvertAsk,
  ConvertMatch,
  ConvertPorts,
  ConvertRequest,
} from "../../../../../src/edge/gateway/convert/index.ts";
import { RouteConverter } from "../../../../../src/edge/gateway/convert/index.ts";
import type {
  ConvertPlan,
  Exchange,
  Origin,
  RoutePlan,
  UpstreamEvents,
} from "../../../../../src/edge/gateway/words/index.ts";
import type {
  BodySink,
  BodySource,
  HeaderList,
  RawStream,
  ReplyHead,
  RequestHead,
} from "../../../../../src/wire/http/index.ts";
import type { DescriptorStore } from "../../../../../src/wire/protobuf/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

/** A body that a test writes into. */
export class TestBody implements BodySource {
  length: number | undefined;
  sink: BodySink | undefined;
  cancelled: Failure | undefined;
  readonly #ready: readonly Uint8Array[] | undefined;

  constructor(ready?: readonly (string | Uint8Array)[]) {
    this.#ready = ready?.map((one) => Buffer.from(one));
    this.length = ready !== undefined && ready.length === 0 ? 0 : undefined;
  }

  start(sink: BodySink): void {
    this.sink = sink;
    sink.onCancel = (cause) => {
      this.cancelled = cause;
    };
    if (this.#ready === undefined) return;
    for (const chunk of this.#ready) sink.write(chunk);
    sink.end();
  }

  cancel(cause: Failure): void {
    this.cancelled = cause;
  }
}

/** What was written. */
export class TestSink implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly chunks: Uint8Array[] = [];
  trailers: HeaderList | undefined;
  aborted: Failure | undefined;
  isEnded = false;
  /** Writes are answered with it. */
  takesMore = true;
  onWrite: (() => void) | undefined;
  onEnd: (() => void) | undefined;

  write(chunk: Uint8Array): boolean {
    if (this.isEnded || this.aborted !== undefined) throw new Error("written after the end");
    this.chunks.push(chunk);
    this.onWrite?.();
    return this.takesMore;
  }

  end(trailers?: HeaderList): void {
    if (this.isEnded || this.aborted !== undefined) throw new Error("ended twice");
    this.isEnded = true;
    this.trailers = trailers;
    this.onEnd?.();
  }

  abort(cause: Failure): void {
    if (this.isEnded || this.aborted !== undefined) throw new Error("aborted after the end");
    this.aborted = cause;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

export class TestExchange implements Exchange {
  readonly request: RequestHead;
  readonly body: TestBody;
  readonly peer = { address: "192.0.2.1", port: 1000 };
  onGone: ((cause: Failure) => void) | undefined;
  head: ReplyHead | undefined;
  sent: Uint8Array | undefined;
  sink: TestSink | undefined;
  raw: { readonly source: TestBody; readonly sink: TestSink } | undefined;
  /** Once the reply is whole. */
  readonly answered: Promise<void>;
  #whole!: () => void;

  constructor(request: RequestHead, body: TestBody) {
    this.request = request;
    this.body = body;
    this.answered = new Promise((resolve) => {
      this.#whole = resolve;
    });
  }

  inform(): void {}

  send(head: ReplyHead, body?: Uint8Array): void {
    this.#begin(head);
    this.sent = body ?? new Uint8Array(0);
    this.#whole();
  }

  respond(head: ReplyHead): BodySink {
    this.#begin(head);
    this.sink = new TestSink();
    this.sink.onEnd = this.#whole;
    return this.sink;
  }

  upgrade(headers: HeaderList): RawStream {
    this.#begin({ status: 101, headers });
    this.raw = { source: new TestBody(), sink: new TestSink() };
    return this.raw;
  }

  reset(): void {
    this.#begin({ status: 0, headers: [] });
  }

  #begin(head: ReplyHead): void {
    if (this.head !== undefined) throw new Error("answered twice");
    this.head = head;
  }

  get status(): number | undefined {
    return this.head?.status;
  }

  get json(): unknown {
    return JSON.parse(Buffer.from(this.sent!).toString());
  }

  header(name: string): string | undefined {
    const list = this.head?.headers ?? [];
    for (let at = 0; at < list.length; at += 2) if (list[at] === name) return list[at + 1];
    return undefined;
  }
}

/** One call that was asked of the upstream. */
export class TestCall {
  readonly request: ConvertRequest;
  readonly events: UpstreamEvents;
  /** What the request's body brought so far. */
  readonly body = new TestSink();
  /** The reply's. */
  readonly reply = new TestBody();
  cancelled: Failure | undefined;

  constructor(request: ConvertRequest, events: UpstreamEvents) {
    this.request = request;
    this.events = events;
    request.body?.start(this.body);
  }

  answer(headers: HeaderList = ["content-type", "application/grpc"], status = 200): BodySink {
    this.events.onReply({ status, headers }, this.reply);
    return this.reply.sink!;
  }

  header(name: string): string | undefined {
    const list = this.request.head.headers;
    for (let at = 0; at < list.length; at += 2) if (list[at] === name) return list[at + 1];
    return undefined;
  }
}

export class TestUpstream {
  readonly calls: TestCall[] = [];
  onCall: ((call: TestCall) => void) | undefined;

  readonly ask: ConvertAsk = (request, events) => {
    const call = new TestCall(request, events);
    this.calls.push(call);
    this.onCall?.(call);
    return {
      cancel: (cause) => {
        call.cancelled = cause;
      },
    };
  };

  get call(): TestCall {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error("the upstream was not asked");
    return call;
  }
}

const PLAN: ConvertPlan = {
  mode: "auto",
  proto: [],
  importPaths: [],
  unknownFields: "error",
  stream: "ndjson",
  messageBytesMax: 100_000,
};

export interface RigOptions {
  readonly store?: DescriptorStore;
  readonly plan?: Partial<ConvertPlan>;
  readonly scheme?: Origin["scheme"];
  readonly ports?: Partial<ConvertPorts>;
  /** 0: none. */
  readonly idleTimeoutMs?: number;
  /** Instead of the upstream in memory. */
  readonly ask?: ConvertAsk;
}

/** A converter with an upstream. */
export class Rig {
  readonly upstream = new TestUpstream();
  /** What came in by messages. */
  readonly entered: Exchange[] = [];
  /** Codes of what was answered in the gateway's own words. */
  readonly refused: string[] = [];
  /** Codes of what the log is told. */
  readonly blamed: string[] = [];
  /** What no descriptor knew. */
  readonly dropped: string[] = [];
  readonly clock = new SteppedClock();
  readonly converter: RouteConverter;
  readonly #route: RoutePlan;
  readonly #scheme: Origin["scheme"];
  readonly #ask: ConvertAsk;

  constructor({ ask, store, plan, ports, scheme = "grpc", idleTimeoutMs = 0 }: RigOptions = {}) {
    this.#ask = ask ?? this.upstream.ask;
    // Only what conversions read of a route.
    this.#route = {
      id: "r",
      match: { methods: [] },
      options: { convert: { ...PLAN, ...plan }, timeoutMs: 30_000, idleTimeoutMs },
    } as unknown as RoutePlan;
    this.#scheme = scheme;
    let ids = 0;
    const usual: ConvertPorts = {
      readFile: () => undefined,
      health: () => true,
      watchHealth: () => () => {},
      nextId: () => `id-${++ids}`,
      randomBytes: (length) => new Uint8Array(length).fill(7),
    };
    this.converter = new RouteConverter(this.#route, store, { ...usual, ...ports }, this.clock);
  }

  send(
    method: string,
    target: string,
    headers: HeaderList = [],
    body: TestBody = new TestBody([]),
    extra: Partial<RequestHead> = {},
  ): TestExchange {
    const request: RequestHead = {
      method,
      target,
      scheme: "http",
      authority: "gateway",
      headers,
      version: "1.1",
      ...extra,
    };
    const exchange = new TestExchange(request, body);
    const match: ConvertMatch = {
      route: this.#route,
      scheme: this.#scheme,
      head: request,
      path: target.split("?")[0]!,
      refuse: ({ code }) => void this.refused.push(code),
      blame: ({ code }) => void this.blamed.push(code),
      drop: (path, from) => void this.dropped.push(`${from} ${path}`),
      enter: (exchange) => void this.entered.push(exchange),
    };
    const kind = this.converter.kindOf(request, this.#scheme);
    if (kind === undefined) throw new Error("nothing to convert");
    this.converter.convert(kind, exchange, match, this.#ask);
    return exchange;
  }

  post(target: string, json: string, headers: HeaderList = []): TestExchange {
    return this.send("POST", target, ["content-type", "application/json", ...headers], new TestBody([json]));
  }
}

export const GONE = new Failure("gateway.client_gone", "the client went");

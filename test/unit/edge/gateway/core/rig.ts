/** A whole gateway core between clients and upstreams that exist in memory only, and a clock that moves when a test says so. */
import { Failure } from "../../../../../src/base/errors.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import { NO_TRACER } from "../../../../../src/base/trace.ts";
import { type CoreEvents, type CoreParts, Gateway, type Passage } from "../../../../../src/edge/gateway/core/index.ts";
import { parseGatewayFile } from "../../../../../src/edge/gateway/file/index.ts";
import { ClientViews, GatewayLimits } from "../../../../../src/edge/gateway/limit/index.ts";
import { groupSettings, type NamedTargets, TargetGroup } from "../../../../../src/edge/gateway/upstream/index.ts";
import type {
  Exchange,
  GatewayPlan,
  UpstreamCall,
  UpstreamEvents,
  UpstreamRequest,
  Upstreams,
} from "../../../../../src/edge/gateway/words/index.ts";
import type {
  BodySink,
  BodySource,
  HeaderList,
  RawStream,
  ReplyHead,
  RequestHead,
} from "../../../../../src/wire/http/index.ts";
import { headerOf } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

export const PSEUDONYM = "edge-1f2e";

/** A body that a test writes when it likes. */
export class OpenBody implements BodySource {
  readonly length: number | undefined;
  sink: BodySink | undefined;
  cancelled: Failure | undefined;
  /** How often the one who takes it was ready again. */
  readies = 0;

  constructor(length?: number) {
    this.length = length;
  }

  start(sink: BodySink): void {
    if (this.sink) throw new Error("a body was started twice");
    this.sink = sink;
    sink.onReady = () => {
      this.readies++;
    };
    sink.onCancel = (cause) => {
      this.cancelled ??= cause;
    };
  }

  cancel(cause: Failure): void {
    this.cancelled ??= cause;
  }

  write(text: string): boolean {
    return this.sink!.write(Buffer.from(text));
  }
}

/** What came, and how it ended. Complains of whoever goes on after an end. */
export class TakingSink implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  text = "";
  ending: { readonly trailers: HeaderList | undefined } | { readonly cause: Failure } | undefined;
  takes = true;

  write(chunk: Uint8Array): boolean {
    if (this.ending) throw new Error("written after the end");
    this.text += Buffer.from(chunk).toString();
    return this.takes;
  }

  end(trailers?: HeaderList): void {
    if (this.ending) throw new Error("ended twice");
    this.ending = { trailers };
  }

  abort(cause: Failure): void {
    if (this.ending) throw new Error("aborted after the end");
    this.ending = { cause };
  }

  get isWhole(): boolean {
    return this.ending !== undefined && !("cause" in this.ending);
  }

  get trailers(): HeaderList | undefined {
    return this.ending && "trailers" in this.ending ? this.ending.trailers : undefined;
  }

  get broken(): string | undefined {
    return this.ending && "cause" in this.ending ? this.ending.cause.code : undefined;
  }
}

/** A client with one request: as strict as a listener, and answered once. */
export class Client implements Exchange {
  readonly request: RequestHead;
  readonly body: BodySource;
  readonly peer: Exchange["peer"];
  onGone: ((cause: Failure) => void) | undefined;
  readonly informed: number[] = [];
  head: ReplyHead | undefined;
  sink: TakingSink | undefined;
  /** As it was told with the head. */
  length: number | undefined;
  sentTrailers: HeaderList | undefined;
  raw: { readonly source: OpenBody; readonly sink: TakingSink } | undefined;
  resetBy: string | undefined;
  #sent: string | undefined;
  #isGone = false;

  constructor(request: RequestHead, body: BodySource, peer: Exchange["peer"]) {
    this.request = request;
    this.body = body;
    this.peer = peer;
  }

  inform(head: ReplyHead): void {
    this.informed.push(head.status);
  }

  send(head: ReplyHead, body?: Uint8Array, trailers?: HeaderList): void {
    this.#begin(head);
    this.#sent = Buffer.from(body ?? []).toString();
    this.sentTrailers = trailers;
  }

  respond(head: ReplyHead, length?: number): BodySink {
    this.#begin(head);
    this.length = length;
    this.sink = new TakingSink();
    return this.sink;
  }

  upgrade(headers: HeaderList): RawStream {
    this.#begin({ status: 101, headers });
    this.raw = { source: new OpenBody(), sink: new TakingSink() };
    return this.raw;
  }

  reset(cause: Failure): void {
    if (this.resetBy !== undefined) throw new Error("reset twice");
    this.resetBy = cause.code;
  }

  #begin(head: ReplyHead): void {
    for (const value of head.headers) {
      if (/[\r\n]/.test(value)) throw new Failure("gateway.bad_header", `${JSON.stringify(value)} is no header`);
    }
    if (this.head || this.resetBy !== undefined || this.#isGone) throw new Error("answered twice, or after its end");
    this.head = head;
  }

  /** The client goes. */
  goes(): void {
    if (this.#isGone || this.resetBy !== undefined || this.isAnswered) return;
    this.#isGone = true;
    const cause = new Failure("gateway.client_gone", "the client went");
    this.onGone?.(cause);
    this.sink?.onCancel?.(cause);
  }

  get isAnswered(): boolean {
    return this.#sent !== undefined || this.sink?.ending !== undefined;
  }

  get status(): number | undefined {
    return this.head?.status;
  }

  get text(): string {
    return this.#sent ?? this.sink?.text ?? "";
  }

  get problem(): { readonly code?: string; readonly status?: number } {
    return JSON.parse(this.text);
  }

  header(name: string): string | undefined {
    return headerOf(this.head?.headers ?? [], name);
  }
}

/** One request as an upstream got it. */
export class Asked implements UpstreamCall {
  readonly request: UpstreamRequest;
  readonly events: UpstreamEvents;
  readonly upload = new TakingSink();
  cancelled: Failure | undefined;

  constructor(request: UpstreamRequest, events: UpstreamEvents, takes = true) {
    this.request = request;
    this.events = events;
    this.upload.takes = takes;
    request.body?.start(this.upload);
  }

  cancel(cause: Failure): void {
    this.cancelled ??= cause;
  }

  header(name: string): string | undefined {
    return headerOf(this.request.head.headers, name);
  }

  /** All at once. */
  replies(status: number, headers: HeaderList = [], text = "", trailers?: HeaderList): void {
    const body = this.begins(status, headers, Buffer.byteLength(text));
    if (body.cancelled) return;
    if (text !== "") body.write(text);
    body.sink?.end(trailers);
    if (!this.cancelled) this.events.onOver?.(undefined);
  }

  begins(status: number, headers: HeaderList = [], length?: number): OpenBody {
    const body = new OpenBody(length);
    this.events.onReply({ status, headers }, body);
    return body;
  }

  fails(code: string, isUnsent = false): void {
    this.events.onFailure(new Failure(code, "as the test says"), isUnsent);
  }
}

export class FakeUpstreams implements Upstreams {
  readonly asked: Asked[] = [];
  /** Whether uploads are taken as fast as they come. */
  takes = true;
  /** Called within `ask`. */
  onAsk: ((asked: Asked) => void) | undefined;

  ask(request: UpstreamRequest, events: UpstreamEvents): UpstreamCall {
    const asked = new Asked(request, events, this.takes);
    this.asked.push(asked);
    this.onAsk?.(asked);
    return asked;
  }
}

export interface SendOptions extends Partial<RequestHead> {
  readonly body?: BodySource;
  readonly peer?: Exchange["peer"];
}

export class CoreRig {
  readonly clock = new SteppedClock();
  readonly upstreams = new FakeUpstreams();
  readonly ended: Passage[] = [];
  readonly failed: Failure[] = [];
  readonly gateway: Gateway;
  readonly #overrides: Partial<CoreParts>;
  #ids = 0;

  /** Lines of a gateway file. */
  constructor(lines: string | readonly string[], overrides: Partial<CoreParts> = {}) {
    this.#overrides = overrides;
    const events: CoreEvents = {
      ended: (passage) => void this.ended.push(passage),
      failed: (_what, failure) => void this.failed.push(failure),
    };
    this.gateway = new Gateway(this.partsOf(planOf(lines)), events);
  }

  partsOf(plan: GatewayPlan): CoreParts {
    const { clock, upstreams } = this;
    const named: NamedTargets = {
      ask: (_target, { body, head, timeouts }, events) => {
        return upstreams.ask({ origin: { scheme: "http", host: "named", port: 1 }, head, body, timeouts }, events);
      },
    };
    const groups = new Map(
      plan.routes.map((route) => [
        route.id,
        new TargetGroup(groupSettings(route), { clock, random: seededRandom(7), upstreams, named }),
      ]),
    );
    return {
      plan,
      tracer: NO_TRACER,
      shown: (text) => text,
      addresses: new ClientViews(plan.settings.trustedProxies, plan.settings.proxyHeader),
      limits: new GatewayLimits(plan.limits, clock),
      doorkeeper: { check: () => new Failure("gateway.unauthenticated", "nobody is let in") },
      groupFor: (route) => groups.get(route.id)!,
      converterFor: () => undefined,
      rulesFor: () => undefined,
      guardsFor: () => ({ steps: [], guards: [] }),
      pseudonym: PSEUDONYM,
      now: () => clock.monotonic(),
      newId: () => `id-${++this.#ids}`,
      ...this.#overrides,
    };
  }

  send(target: string, { body = new OpenBody(0), peer, ...head }: SendOptions = {}): Client {
    const request: RequestHead = {
      ...{ method: "GET", target, scheme: "http", authority: "shop.example", headers: [], version: "1.1" },
      ...head,
    };
    const client = new Client(request, body, peer ?? { address: "192.0.2.7", port: 4_000 });
    this.gateway.handle(client);
    return client;
  }

  /** What the nth upstream request was. */
  asked(at = 0): Asked {
    const asked = this.upstreams.asked[at];
    if (!asked) throw new Error(`the upstream was asked ${this.upstreams.asked.length} times`);
    return asked;
  }

  counts(route: string) {
    return this.gateway.routes.find(({ plan }) => plan.id === route)!.counts;
  }
}

export function planOf(lines: string | readonly string[]): GatewayPlan {
  const { faults, plan } = parseGatewayFile(typeof lines === "string" ? lines : lines.join("\n"), "g.txt");
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return plan;
}

/** What waits for promises has gone on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}

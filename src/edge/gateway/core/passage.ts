/**
 * One request on its way through the gateway: what is known of it, what has been decided, and what became of it. It stands between
 * the client's exchange and whatever answers (an upstream, a conversion, the gateway itself), so that each reply is edited, looked at
 * and counted the same way, wherever it comes from. It ends once; what is said to it afterwards is dropped.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import type { Span } from "../../../base/trace.ts";
import {
  type BodySink,
  type BodySource,
  type HeaderList,
  NO_BODY,
  type RawStream,
  type ReplyHead,
  type RequestHead,
} from "../../../wire/http/index.ts";
import type { ClientView } from "../limit/index.ts";
import { editReply, type RouteHit } from "../route/index.ts";
import type { Exchange, Peer } from "../words/index.ts";
import { ClosedSink, closedStream } from "./closed.ts";
import { refusalOf } from "./failures.ts";
import { guardReply } from "./guard-reply.ts";
import { meteredRaw } from "./metered-raw.ts";
import { MeteredSink } from "./metered-sink.ts";
import { refusalReply } from "./problem.ts";
import type { RouteRuntime } from "./route-runtime.ts";
import type { CoreEvents, PassageCaller, Refusal, ReplyWay, Step, Went } from "./words.ts";

const EMPTY = new Uint8Array(0);
const SERVER_ERRORS = 500;

export interface PassageParts {
  readonly events: CoreEvents;
  /** Called once: the passage has gone all its steps, and nothing of them is asked any more. */
  readonly decided?: (() => void) | undefined;
  /** Monotonic milliseconds. */
  now(): number;
}

export class RunningPassage implements ReplyWay {
  readonly request: RequestHead;
  readonly peer: Peer;
  readonly id: string;
  readonly startedMs: number;
  readonly view: ClientView;
  onGone: ((cause: Failure) => void) | undefined;
  body: BodySource;
  headers: HeaderList;
  route: RouteRuntime | undefined;
  hit: RouteHit | undefined;
  caller: PassageCaller | undefined;
  span: Span | undefined;
  target: string | undefined;
  rewritten: string | undefined;
  readonly replyExtra: string[] = [];
  status = 0;
  sentBytes = 0;
  receivedBytes = 0;
  why: string | undefined;
  detail: string | undefined;
  upstream: string | undefined;
  attempts = 0;
  repliedMs: number | undefined;
  readonly notes: unknown[] = [];
  isEnded = false;
  /** All its steps lie behind it. */
  isDecided = false;
  readonly #outer: Exchange;
  readonly #parts: PassageParts;
  readonly #onEnd: (() => void)[] = [];
  #step = 0;

  constructor(outer: Exchange, id: string, view: ClientView, parts: PassageParts) {
    this.#outer = outer;
    this.#parts = parts;
    this.request = outer.request;
    this.peer = outer.peer;
    this.id = id;
    this.view = view;
    // What follows a request for another protocol is that protocol's: it flows when the connection has left HTTP.
    this.body = outer.request.protocol === undefined ? outer.body : NO_BODY;
    this.headers = outer.request.headers;
    this.startedMs = parts.now();
    outer.onGone = (cause) => this.lose(cause);
  }

  now(): number {
    return this.#parts.now();
  }

  get client(): string {
    return this.view.address;
  }

  get path(): string {
    return this.hit?.path ?? "";
  }

  atEnd(callback: () => void): void {
    if (this.isEnded) callback();
    else this.#onEnd.push(callback);
  }

  goOn(): void {
    const { route } = this;
    if (!route) return;
    const { steps } = route;
    while (this.#step < steps.length) {
      if (this.isEnded) return;
      if (this.#run(steps[this.#step++]!) !== "on") return;
    }
    if (this.isEnded || this.isDecided) return;
    this.isDecided = true;
    this.#parts.decided?.();
    this.#run(route.finish);
  }

  /** What a step throws is a failure of this request and of nothing else. */
  #run(step: Step): Went {
    try {
      return step(this);
    } catch (thrown) {
      const failure = toFailure(thrown, "gateway.defect");
      const refusal = refusalOf(failure);
      if (refusal.status >= SERVER_ERRORS) this.#failed(failure);
      this.break(failure, refusal);
      return "ended";
    }
  }

  refuse(refusal: Refusal, detail: string | undefined = refusal.detail): void {
    if (this.isEnded || this.status !== 0) return;
    this.why = refusal.code;
    this.detail = detail;
    const { body, headers, status } = refusalReply(this.request, refusal, this.id);
    try {
      this.#outer.send({ status, headers: this.#withExtra(headers) }, body);
      this.status = status;
      this.sentBytes = body.byteLength;
    } catch (thrown) {
      this.#cutOff(toFailure(thrown, "gateway.defect"));
    }
    this.#stop(new Failure(refusal.code, refusal.detail));
  }

  break(cause: Failure, refusal: Refusal): void {
    if (this.isEnded) return;
    if (this.status === 0) return this.refuse(refusal, cause.message);
    this.why ??= cause.code;
    this.detail ??= cause.message;
    this.#outer.reset(cause);
    this.#stop(cause);
  }

  lose(cause: Failure): void {
    if (this.isEnded) return;
    this.why ??= cause.code;
    this.detail ??= cause.message;
    this.#stop(cause);
  }

  /** It ends without whoever works for it having ended it: they are told. */
  #stop(cause: Failure): void {
    const { onGone } = this;
    this.onGone = undefined;
    this.end();
    onGone?.(cause);
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    for (const callback of this.#onEnd) {
      try {
        callback();
      } catch (thrown) {
        this.#failed(toFailure(thrown, "gateway.defect"));
      }
    }
    this.#parts.events.ended(this);
  }

  // The reply, as whoever answers gives it.

  /** An interim reply has gone by no guard: where nothing may go by unseen, it does not go on. */
  inform(head: ReplyHead): void {
    if (this.isEnded || this.status !== 0 || this.route?.isGuardedStrictly) return;
    this.#outer.inform(head);
  }

  send(head: ReplyHead, body: Uint8Array = EMPTY, trailers?: HeaderList): void {
    if (this.isEnded || this.#isFalseOpening(head)) return;
    if (this.route && this.route.guards.length > 0) {
      const sink = this.respond(head, body.byteLength);
      if (body.byteLength > 0) sink.write(body);
      sink.end(trailers);
      return;
    }
    try {
      this.#outer.send(this.#edited(head), body, trailers);
    } catch (thrown) {
      return this.#unsendable(thrown);
    }
    this.status = head.status;
    this.sentBytes = body.byteLength;
    this.end();
  }

  respond(head: ReplyHead, length?: number): BodySink {
    if (this.isEnded || this.#isFalseOpening(head)) return new ClosedSink();
    const guards = this.route?.guards;
    if (guards === undefined || guards.length === 0) return this.respondUnguarded(head, length);
    return guardReply(this, guards, head, length);
  }

  /** Over HTTP/2 any 2xx says that the WebSocket is open (RFC 8441, 5): a reply that is none may not say so. */
  #isFalseOpening({ status }: ReplyHead): boolean {
    const { protocol, version } = this.request;
    if (protocol === undefined || version !== "2" || status < 200 || status > 299) return false;
    const failure = new Failure(
      "gateway.not_switched",
      `a WebSocket was asked for, and the reply is an ordinary ${status}`,
    );
    this.break(failure, refusalOf(failure));
    return true;
  }

  respondUnguarded(head: ReplyHead, length?: number): BodySink {
    if (this.isEnded) return new ClosedSink();
    let sink: BodySink;
    try {
      sink = this.#outer.respond(this.#edited(head), length);
    } catch (thrown) {
      this.#unsendable(thrown);
      return new ClosedSink();
    }
    this.status = head.status;
    return new MeteredSink(this, sink);
  }

  upgrade(headers: HeaderList): RawStream {
    if (this.isEnded) return closedStream();
    const status = this.request.version === "2" ? 200 : 101;
    let stream: RawStream;
    try {
      stream = this.#outer.upgrade(this.#edited({ status, headers }).headers);
    } catch (thrown) {
      this.#unsendable(thrown);
      return closedStream();
    }
    this.status = status;
    return meteredRaw(this, stream);
  }

  reset(cause: Failure): void {
    if (this.isEnded) return;
    this.#cutOff(cause);
    this.end();
  }

  #cutOff(cause: Failure): void {
    this.why ??= cause.code;
    this.detail ??= cause.message;
    this.#outer.reset(cause);
  }

  /** A head that cannot be written: edits, rules and conversions make some. Nothing of it has gone out. */
  #unsendable(thrown: unknown): void {
    const failure = toFailure(thrown, "gateway.defect");
    this.#failed(failure);
    this.replyExtra.length = 0; // it may be in there
    this.refuse(refusalOf(failure), failure.message);
  }

  #failed(failure: Failure): void {
    this.#parts.events.failed(`route ${this.route?.plan.id ?? "?"}`, failure);
  }

  #edited(head: ReplyHead): ReplyHead {
    const extra = this.replyExtra;
    const hit = this.hit;
    const isEdited = hit !== undefined && hit.route.replyEdits.length > 0;
    const cors = this.route?.cors;
    if (!isEdited && extra.length === 0 && cors === undefined) return head;
    const facts = { client: this.client, requestId: this.id };
    let headers = isEdited ? editReply(head.headers, hit, this.request, facts) : head.headers;
    if (cors !== undefined) headers = cors.shared(headers, this.request);
    return { status: head.status, headers: extra.length === 0 ? headers : [...headers, ...extra] };
  }

  #withExtra(headers: HeaderList): HeaderList {
    const own = this.route?.cors?.shared(headers, this.request) ?? headers;
    return this.replyExtra.length === 0 ? own : [...own, ...this.replyExtra];
  }
}

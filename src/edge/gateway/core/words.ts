/**
 * What the parts of the core know of each other: a passage (one request on its way), the steps that it takes, the guards that look at its
 * reply, and whoever hears of it. The passage itself is passage.ts; steps and sinks see it as it stands here.
 */
import type { Failure } from "../../../base/errors.ts";
import type { Span } from "../../../base/trace.ts";
import type { BodySink, BodySource, HeaderList, ReplyHead } from "../../../wire/http/index.ts";
import type { DroppedFrom } from "../convert/index.ts";
import type { ClientView } from "../limit/index.ts";
import type { RouteHit } from "../route/index.ts";
import type { Exchange, RoutePlan } from "../words/index.ts";

/** Whom the request comes from, by a token, a certificate or a JWT. */
export interface PassageCaller {
  readonly name: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What a token of the cluster allows. Never out of claims: those of other issuers say what those like. */
  readonly cluster?: { readonly access: string; readonly scopes: readonly string[] } | undefined;
}

/** What the gateway says itself. */
export interface Refusal {
  readonly status: number;
  /** `gateway.no_route`, … */
  readonly code: string;
  /** One sentence for the client: never more than a client may know. */
  readonly detail: string;
  readonly headers?: HeaderList | undefined;
}

/** A client's exchange as the steps see it, and what is known of it and decided about it. It has exactly one end. */
export interface Passage extends Exchange {
  readonly id: string;
  /** Monotonic. */
  readonly startedMs: number;
  readonly route: PassageRoute | undefined;
  /** Steps may change what of it goes to the upstream (the query). */
  hit: RouteHit | undefined;
  /** Who the client is, behind trusted proxies. */
  readonly view: ClientView;
  /** The client's address. */
  readonly client: string;
  /** In normal form, without the query. */
  readonly path: string;
  /** What is left of it to be sent on; steps may put another in its place. */
  body: BodySource;
  /** For the upstream; steps change it. */
  headers: HeaderList;
  caller: PassageCaller | undefined;
  readonly span: Span | undefined;
  /** A rule's choice: the name of a target, or a URL. */
  target: string | undefined;
  /** A rule's choice: path and query for the upstream. */
  rewritten: string | undefined;
  /** Set on the reply beside the route's edits. */
  readonly replyExtra: string[];
  /** How it went, for logs and counters. 0: no reply. */
  readonly status: number;
  readonly sentBytes: number;
  receivedBytes: number;
  /** Why the gateway answered by itself, or what broke: a code. */
  why: string | undefined;
  detail: string | undefined;
  /** Who was asked, as text. */
  upstream: string | undefined;
  attempts: number;
  /** Monotonic: when the upstream's head came. */
  repliedMs: number | undefined;
  /** What was seen on the way and is worth a word in the log: rules of the firewall that matched, masks. */
  readonly notes: unknown[];
  readonly isEnded: boolean;
  now(): number;
  /** When it has ended, however. */
  atEnd(callback: () => void): void;
  /** Runs the steps that are left, and then what the route does. */
  goOn(): void;
  /** The gateway's own answer; whoever works for the request is told to stop. Nothing happens where a reply has begun. */
  refuse(refusal: Refusal, detail?: string): void;
  /** What went wrong on the way of the reply: the gateway's own answer where none has begun, else the reply is broken off. */
  break(cause: Failure, refusal: Refusal): void;
}

/** A passage as sinks on its way see it. */
export interface ReplyWay extends Passage {
  sentBytes: number;
  /** Behind the guards. */
  respondUnguarded(head: ReplyHead, length?: number): BodySink;
  /** The reply is out. */
  end(): void;
  /** The client cannot get the reply any more. */
  lose(cause: Failure): void;
}

/** A route, as its passages see it. */
export interface PassageRoute {
  readonly plan: RoutePlan;
  readonly steps: readonly Step[];
  readonly guards: readonly ReplyGuard[];
  /** After the steps. */
  readonly finish: Step;
  /** Counts a field that no descriptor knows. */
  dropped(from: DroppedFrom): void;
}

/**
 * What a request passes before it is sent on. Steps of a route run one behind the other, most of them at once; one that has to wait
 * (for a body, a token, a rule) holds the passage and lets it go on later.
 *
 * `on`: the next one; `held`: it calls `passage.goOn()` later, or ends it; `ended`: the client has its answer.
 */
export type Went = "on" | "held" | "ended";

export type Step = (passage: Passage) => Went;

/** Looks at replies and changes them before the client gets them, and decides by itself how much of one it holds before it lets any of it go. */
export interface ReplyGuard {
  /** Nothing goes by unseen: interim replies neither. */
  readonly isStrict: boolean;
  /**
   * Where the reply is to be written to. What comes of it goes to what `open` gives: called once, now or later, or never when the guard has
   * refused the passage. It never throws; a passage that has ended gets a sink that takes nothing.
   */
  take(passage: Passage, head: ReplyHead, length: number | undefined, open: OpenReply): BodySink | Refusal;
}

export type OpenReply = (head: ReplyHead, length: number | undefined) => BodySink;

export function isRefusal(found: object): found is Refusal {
  return "code" in found;
}

/** What the core tells whoever keeps logs. */
export interface CoreEvents {
  /** A request has ended; all that it has come to is known. */
  ended(passage: Passage): void;
  /** Something went wrong that no client's request is to blame for. */
  failed(what: string, failure: Failure): void;
}

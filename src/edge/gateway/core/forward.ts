/** Sends a request on to a target of its route, as it is or converted, and gives the reply back as it comes. */
import { Failure } from "../../../base/errors.ts";
import {
  type BodySource,
  type HeaderList,
  headersOf,
  type RawStream,
  type ReplyHead,
  type RequestHead,
} from "../../../wire/http/index.ts";
import type { Converter, ConvertRequest } from "../convert/index.ts";
import { paramsOf, upstreamOrigin, upstreamTarget } from "../route/index.ts";
import {
  type GroupEvents,
  type GroupRequest,
  type NamedContext,
  type StickyNames,
  stickyNames,
  type TargetGroup,
} from "../upstream/index.ts";
import {
  type ExchangeHandler,
  ORIGIN_PORTS,
  type Origin,
  type OriginTarget,
  type RoutePlan,
  type TargetPlan,
  type UpstreamCall,
  type UpstreamEvents,
} from "../words/index.ts";
import { dropping } from "./dropped-fields.ts";
import { refusalOf } from "./failures.ts";
import { outboundHeaders } from "./outbound-headers.ts";
import type { CoreParts } from "./parts.ts";
import { dynamicTarget } from "./rule-target.ts";
import type { Passage, PassageRoute, Step } from "./words.ts";

/** A year: the sticky cookie is no secret and no identity. */
const STICKY_S = 31_536_000;

export interface Way {
  readonly group: TargetGroup;
  readonly converter: Converter | undefined;
  readonly parts: CoreParts;
  /** Where requests come in: a message on a socket may be one. */
  readonly enter: ExchangeHandler;
}

/** The last step of a route with targets. */
export function forwarding({ options, targets }: RoutePlan, way: Way): Step {
  const names = options.sticky === undefined ? undefined : stickyNames(targets);
  return (passage) => {
    new Forwarding(passage, way, names).begin();
    return "held";
  };
}

class Forwarding implements GroupRequest, GroupEvents {
  readonly body: BodySource | undefined;
  readonly hashKey: string;
  readonly sticky: string | undefined;
  target: TargetPlan | undefined;
  readonly #passage: Passage;
  readonly #way: Way;
  readonly #route: PassageRoute;
  /** What the sticky cookie calls the route's targets; undefined: it has none. */
  readonly #stickyNames: StickyNames | undefined;
  #headers: HeaderList | undefined;
  #call: UpstreamCall | undefined;
  #tried: TargetPlan | undefined;
  /** Where the sticky cookie stands among the reply's extras: a conversion may ask more than once. */
  #cookieAt = -1;
  /** Why the last question of a conversion failed, where that counts as the reason so far. */
  #blamed: string | undefined;

  constructor(passage: Passage, way: Way, names: StickyNames | undefined) {
    this.#passage = passage;
    this.#way = way;
    this.#stickyNames = names;
    this.#route = passage.route!; // a step of it runs
    this.body = passage.body.length === 0 ? undefined : passage.body;
    this.hashKey = passage.client;
    const { sticky } = this.#route.plan.options;
    this.sticky = sticky === undefined ? undefined : cookieOf(passage.request.headers, sticky);
  }

  /** Throws what makes the request one that cannot be sent: `gateway.bad_path`, `gateway.bad_host`, `gateway.rule_invalid`. */
  begin(): void {
    const passage = this.#passage;
    const { targets } = this.#route.plan;
    if (passage.target !== undefined) {
      this.target = targets.find(({ name }) => name === passage.target) ?? dynamicTarget(passage.target);
    }
    const first = this.target ?? targets[0];
    const scheme = schemeOf(first);
    const kind = scheme === undefined ? undefined : this.#way.converter?.kindOf(passage.request, scheme);
    this.#check();
    if (kind === undefined || scheme === undefined) return this.#ask();
    const path = passage.rewritten ?? upstreamTarget(passage.hit!, withoutBase(first!));
    const head = this.#head(path, passage.request.authority);
    const { enter } = this.#way;
    const refuse = (failure: Failure): void => this.onFailure(failure);
    const blame = (failure: Failure): void => {
      passage.why ??= failure.code;
      passage.detail ??= failure.message;
    };
    const says = { refuse, blame, drop: dropping(passage), enter };
    const match = { route: this.#route.plan, scheme, head, path: passage.path, ...says };
    this.#way.converter!.convert(kind, passage, match, (request, events) => this.#askConverted(request, events));
  }

  /** What the client sent may make no path or host. That must be known before a target is chosen, which would be blamed for it. */
  #check(): void {
    const { hit, rewritten } = this.#passage;
    const asked = this.target === undefined ? this.#route.plan.targets : [this.target];
    if (rewritten === undefined && hit!.route.rewrite !== undefined && asked.length > 0)
      upstreamTarget(hit!, asked[0]!);
    for (const target of asked) if (target.kind === "origin" && target.isDynamic) this.originFor(target);
  }

  #ask(): void {
    const passage = this.#passage;
    let gone: Failure | undefined;
    passage.onGone = (cause) => {
      gone = cause;
      this.#call?.cancel(cause);
    };
    const call = this.#way.group.ask(this, this);
    this.#call = call;
    if (gone !== undefined) call.cancel(gone); // within the call
  }

  get context(): NamedContext {
    return { route: this.#route.plan.id, params: paramsOf(this.#passage.hit!), caller: this.#passage.caller };
  }

  headFor(target: TargetPlan): RequestHead {
    const { hit, rewritten } = this.#passage;
    const base = target.kind === "origin" ? target.basePath : "";
    const path = rewritten === undefined ? upstreamTarget(hit!, target) : base + rewritten;
    return this.#head(path, this.#authorityFor(target));
  }

  originFor(target: OriginTarget): Origin {
    if (target === this.target && !this.#route.plan.targets.includes(this.target)) return target.origin; // a rule's own
    return upstreamOrigin(this.#passage.hit!, target as TargetPlan & { readonly kind: "origin" }); // one of the route's
  }

  /** Field by field: made for each request, and several times as fast as a spread. */
  #head(target: string, authority: string): RequestHead {
    const { method, protocol, scheme, version } = this.#passage.request;
    this.#headers ??= outboundHeaders(this.#passage, this.#way.parts);
    return { method, target, scheme, authority, headers: this.#headers, version, protocol };
  }

  #authorityFor(target: TargetPlan): string {
    const { host } = this.#route.plan.options;
    if (host === "client") return this.#passage.request.authority;
    if (host !== "target") return host;
    if (target.kind !== "origin") return this.#passage.request.authority;
    return authorityOf(target.isDynamic ? this.originFor(target) : target.origin);
  }

  #askConverted(request: ConvertRequest, events: UpstreamEvents): UpstreamCall {
    const { group } = this.#way;
    const passage = this.#passage;
    const asked: GroupRequest = {
      headFor: (target) => ({
        ...request.head,
        target: target.kind === "origin" ? target.basePath + request.head.target : request.head.target,
        authority: this.#authorityFor(target),
      }),
      originFor: (target) => this.originFor(target),
      body: request.body,
      hashKey: this.hashKey,
      sticky: this.sticky,
      target: this.target,
      timeoutMs: request.timeoutMs,
      isIdempotent: request.isIdempotent,
    };
    const heard: GroupEvents = {
      onTry: (target) => this.onTry(target),
      onInform: (head) => events.onInform?.(head),
      onReply: (head, body) => {
        this.#replied();
        events.onReply(head, body);
      },
      onUpgrade: (head, stream) => {
        this.#replied();
        events.onUpgrade?.(head, stream);
      },
      onFailure: (failure, isUnsent) => {
        if (passage.why === undefined) this.#blamed = failure.code;
        passage.why ??= failure.code;
        passage.detail ??= failure.message;
        events.onFailure(failure, isUnsent);
      },
      onOver: (cause) => events.onOver?.(cause),
    };
    if (this.#blamed !== undefined && passage.why === this.#blamed) passage.why = passage.detail = undefined; // it tries something else
    return group.ask(asked, heard);
  }

  onTry(target: TargetPlan): void {
    const passage = this.#passage;
    passage.upstream = target.text;
    passage.attempts++;
    this.#tried = target;
  }

  onInform(head: ReplyHead): void {
    this.#passage.inform(head);
  }

  onReply(head: ReplyHead, body: BodySource): void {
    this.#replied();
    const passage = this.#passage;
    const sink = passage.respond(head, body.length);
    if (passage.isEnded) body.cancel(new Failure("gateway.client_gone", "nobody waits for this reply any more"));
    else body.start(sink);
  }

  onUpgrade(head: ReplyHead, stream: RawStream): void {
    this.#replied();
    const client = this.#passage.upgrade(head.headers);
    client.source.start(stream.sink);
    stream.source.start(client.sink);
  }

  onFailure(failure: Failure): void {
    const passage = this.#passage;
    passage.onGone = undefined; // it is over
    passage.break(failure, refusalOf(failure));
  }

  #replied(): void {
    const passage = this.#passage;
    passage.repliedMs = passage.now();
    const name = this.#route.plan.options.sticky;
    const value = this.#tried && this.#stickyNames?.get(this.#tried);
    if (name === undefined || value === undefined || value === this.sticky) return;
    const secure = passage.request.scheme === "https" ? "; Secure" : "";
    const cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${STICKY_S}; HttpOnly; SameSite=Lax${secure}`;
    if (this.#cookieAt < 0) this.#cookieAt = passage.replyExtra.push("set-cookie", cookie) - 1;
    else passage.replyExtra[this.#cookieAt] = cookie;
  }
}

function schemeOf(target: TargetPlan | undefined): Origin["scheme"] | undefined {
  return target?.kind === "origin" ? target.origin.scheme : undefined;
}

/** As a `host` field has it: without the port that the scheme has anyway. */
export function authorityOf({ host, port, scheme }: Origin): string {
  const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return port === ORIGIN_PORTS[scheme] ? name : `${name}:${port}`;
}

function withoutBase(target: TargetPlan): TargetPlan {
  return target.kind === "origin" && target.basePath !== "" ? { ...target, basePath: "" } : target;
}

/** The value of a cookie, decoded; undefined where there is none or it cannot be read. */
function cookieOf(headers: HeaderList, name: string): string | undefined {
  for (const list of headersOf(headers, "cookie")) {
    for (const pair of list.split(";")) {
      const at = pair.indexOf("=");
      if (at < 0 || pair.slice(0, at).trim() !== name) continue;
      try {
        return decodeURIComponent(pair.slice(at + 1).trim());
      } catch {
        return undefined; // somebody else's: it names no target of ours
      }
    }
  }
  return undefined;
}

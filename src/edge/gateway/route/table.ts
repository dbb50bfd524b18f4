/**
 * All routes of a gateway file, ready to be asked. A request is taken by the first route, in the order that precedence.ts tells, whose
 * conditions all hold. Immutable but for what it remembers of hosts; a reload makes a new one.
 */
import { type HeaderList, headerOf, type RequestHead } from "../../../wire/http/index.ts";
import type { RoutePlan } from "../words/index.ts";
import { type CompiledRoute, compileRoute } from "./compiled-route.ts";
import { firstFailed } from "./conditions.ts";
import { type ExplainStep, explainSteps } from "./explain.ts";
import { hostOf } from "./host.ts";
import { hasParameters, isPathFault, normalizePath } from "./normalize.ts";
import { Look, PathTrie } from "./path-trie.ts";
import { announcedHeaders, preflightOf } from "./preflight.ts";
import type { RouteHit, RouteMiss, RouteOutcome } from "./words.ts";

export type { ExplainStep };

/** Hosts are few, but clients may name any: what is remembered is forgotten as a whole beyond this. */
const HOSTS_REMEMBERED_MAX = 1024;
/** Said in `allow` where a route takes all but TRACE. */
const USUAL_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const NO_VALUES: readonly string[] = [];
const NO_ROUTE: RouteMiss = miss(404, "gateway.no_route", "no route takes this request");
const OTHER_TYPE: RouteMiss = miss(415, "gateway.unsupported_media_type", "this path does not take this content type");

/** As `gateway try` asks. */
export interface TriedRequest {
  readonly method: string;
  /** A path, or a URL with a host. */
  readonly url: string;
  /** By name in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Explanation {
  readonly outcome: RouteOutcome;
  /** One for each route, in the order of the file. */
  readonly steps: readonly ExplainStep[];
  /** The gateway answers it for this route. */
  readonly isPreflight: boolean;
}

export class RouteTable {
  readonly routes: readonly CompiledRoute[];
  readonly #byHost = new Map<string, PathTrie>();
  /** By what stands behind the star, with its dot. */
  readonly #byWildcard = new Map<string, PathTrie>();
  #ofAny: PathTrie | undefined;
  readonly #triesOf = new Map<string, readonly PathTrie[]>();
  #look: Look | undefined;

  readonly #takesParameters: boolean;
  readonly #hasCors: boolean;

  /** `pathParameters`: a path with a `;` goes by as it is, or is refused. */
  constructor(plans: readonly RoutePlan[], pathParameters: "keep" | "refuse" = "keep") {
    this.#takesParameters = pathParameters === "keep";
    this.routes = plans.map(compileRoute);
    this.#hasCors = plans.some(({ options }) => options.cors !== undefined);
    for (const route of this.routes) this.#trieFor(route.plan.match.host).add(route);
  }

  match(head: RequestHead, announced?: ReadonlySet<string>): RouteOutcome {
    const { target } = head;
    const mark = target.indexOf("?");
    const path = normalizePath(mark < 0 ? target : target.slice(0, mark));
    if (isPathFault(path)) return target === "*" ? NO_ROUTE : badPath(path.fault);
    if (!this.#takesParameters && hasParameters(path)) return badPath("the path has a ;, and they are refused here");
    const query = mark < 0 ? "" : target.slice(mark + 1);
    return isQuery(query)
      ? this.#find(head, path, query, announced)
      : badPath("the query has a character that has to be encoded");
  }

  /**
   * The route with `cors` that would take what a browser asks leave for; undefined: this is no preflight, or none of the gateway's. A route
   * without `cors` that names OPTIONS gets what it asks for.
   */
  preflight(head: RequestHead): RouteHit | undefined {
    return this.#preflight(head)?.hit;
  }

  #preflight(head: RequestHead): { readonly hit: RouteHit; readonly asked: RequestHead } | undefined {
    if (!this.#hasCors) return undefined;
    const asked = preflightOf(head);
    if (asked === undefined) return undefined;
    const own = this.match(head);
    const isNamed = own.isHit && own.route.methods.includes("OPTIONS");
    if (isNamed && !hasCors(own)) return undefined;
    const hit = this.match(asked, announcedHeaders(head));
    if (hit.isHit && hasCors(hit)) return { hit, asked };
    return isNamed ? { hit: own, asked: head } : undefined;
  }

  explain({ headers = {}, method, url }: TriedRequest): Explanation {
    const head = headOf(method, url, headers);
    const preflight = this.#preflight(head);
    const outcome = preflight?.hit ?? this.match(head);
    const announced = preflight && announcedHeaders(head);
    const steps = explainSteps(this.routes, preflight?.asked ?? head, outcome, announced);
    return { outcome, steps, isPreflight: preflight !== undefined };
  }

  #find(head: RequestHead, path: string, query: string, announced: ReadonlySet<string> | undefined): RouteOutcome {
    const look = this.#look ?? new Look(head);
    this.#look = look;
    look.head = head;
    look.method = head.method === "CONNECT" && head.protocol !== undefined ? "GET" : head.method; // RFC 8441: what HTTP/1.1 calls GET
    look.path = path;
    look.query = query;
    look.announced = announced;
    look.otherMethods.length = 0;
    look.isOtherType = false;
    const tries = this.#triesOf.get(head.authority) ?? this.#remember(head.authority);
    for (let index = 0; index < tries.length; index++) {
      const route = tries[index]!.find(look);
      if (route !== undefined) return hit(route, look);
    }
    if (look.isOtherType) return OTHER_TYPE;
    return look.otherMethods.length === 0 ? NO_ROUTE : otherMethod(look);
  }

  /** The trees that may have a route for this host, the most specific first. */
  #remember(authority: string): readonly PathTrie[] {
    const host = hostOf(authority);
    const tries: PathTrie[] = [];
    const exact = this.#byHost.get(host);
    if (exact !== undefined) tries.push(exact);
    for (let dot = host.indexOf(".", 1); dot >= 0; dot = host.indexOf(".", dot + 1)) {
      const wildcard = this.#byWildcard.get(host.slice(dot));
      if (wildcard !== undefined) tries.push(wildcard);
    }
    if (this.#ofAny !== undefined) tries.push(this.#ofAny);
    if (this.#triesOf.size >= HOSTS_REMEMBERED_MAX) this.#triesOf.clear();
    this.#triesOf.set(authority, tries);
    return tries;
  }

  #trieFor(host: string | undefined): PathTrie {
    if (host === undefined) {
      this.#ofAny ??= new PathTrie();
      return this.#ofAny;
    }
    const isWildcard = host.startsWith("*.");
    const [tries, key] = isWildcard ? [this.#byWildcard, host.slice(1)] : [this.#byHost, host];
    const trie = tries.get(key) ?? new PathTrie();
    tries.set(key, trie);
    return trie;
  }
}

function hit(route: CompiledRoute, { path, places, query }: Look): RouteHit {
  if (places.length === 0) return { isHit: true, route, path, query, values: NO_VALUES };
  const values: string[] = [];
  for (let at = 0; at < places.length; at += 2) values.push(path.slice(places[at]!, places[at + 1]!));
  return { isHit: true, route, path, query, values };
}

/** A request without a body has no content type: that condition does not count here. */
function otherMethod(look: Look): RouteMiss {
  const fitting = look.otherMethods.filter(({ conditions }) => {
    const failed = firstFailed(conditions, look.head, look.query);
    return failed === undefined || failed.kind === "content_type";
  });
  if (fitting.length === 0) return NO_ROUTE;
  const allow = [...new Set(fitting.flatMap(({ methods }) => (methods.length === 0 ? USUAL_METHODS : methods)))]
    .sort()
    .join(", ");
  return { ...miss(405, "gateway.method_not_allowed", `this path takes ${allow} only`), allow };
}

function hasCors({ route }: RouteHit): boolean {
  return route.plan.options.cors !== undefined;
}

function miss(status: RouteMiss["status"], code: string, detail: string): RouteMiss {
  return { isHit: false, status, code, detail, allow: "" };
}

function badPath(detail: string): RouteMiss {
  return miss(400, "gateway.bad_path", detail);
}

/** A query goes on as it came: without blanks, controls and fragments. */
function isQuery(query: string): boolean {
  for (let at = 0; at < query.length; at++) {
    const code = query.charCodeAt(at);
    if (code <= 0x20 || code === 0x7f || code === 0x23) return false;
  }
  return true;
}

function headOf(method: string, url: string, headers: Readonly<Record<string, string>>): RequestHead {
  const [, scheme, authority, rest] = /^(https?):\/\/([^/?#]*)([^#]*)/i.exec(url) ?? [
    undefined,
    "http",
    undefined,
    url,
  ];
  const list: HeaderList = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value]);
  return {
    method: method.toUpperCase(),
    target: rest!.startsWith("/") ? rest! : `/${rest}`,
    scheme: scheme!.toLowerCase() === "https" ? "https" : "http",
    authority: authority ?? headerOf(list, "host") ?? "localhost",
    headers: list,
    version: "1.1",
  };
}

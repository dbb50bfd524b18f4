/** A plugin that decides where a request of the gateway goes: `plugin=FILE` on a route. It runs in a process of its own. */

export interface RouteRequest {
  readonly method: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  /** As it was sent, without the question mark. */
  readonly query: string;
  /** Lower case names; of several with one name the values joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The client's address, behind trusted proxies. */
  readonly client: string;
  /** The route's id. */
  readonly route: string;
  /** What `{name}` stands for in the route's path. */
  readonly params: Readonly<Record<string, string>>;
  /** Of the token, where the route asks for one. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** What is left out stays as the route says. */
export interface RouteDecision {
  /** The name of one of the route's targets, or a URL. */
  readonly target?: string;
  /** Path and query for the upstream. */
  readonly path?: string;
  /** Set for the upstream; false: removed. */
  readonly headers?: Readonly<Record<string, string | false>>;
  /** Answers at once. */
  readonly reply?: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
}

export interface RouteDefinition {
  /** Decides at once: no promise, for requests wait in line. A text is the name of a target. */
  route(request: RouteRequest): RouteDecision | string | undefined;
}

export type RoutePlugin = RouteDefinition & { readonly kind: "route"; readonly api: number };

export const ROUTE_API_VERSION = 1;

export function defineRoute({ route }: RouteDefinition): RoutePlugin {
  return { kind: "route", api: ROUTE_API_VERSION, route };
}

/** What the core is put together from: ports that it needs, in the words of those who offer them. Chosen in one place, by the app. */
import type { Failure } from "../../../base/errors.ts";
import type { Tracer } from "../../../base/trace.ts";
import type { RequestHead } from "../../../wire/http/index.ts";
import type { Converter } from "../convert/index.ts";
import type { ClientViews, GatewayLimits } from "../limit/index.ts";
import type { TargetGroup } from "../upstream/index.ts";
import type { Exchange, GatewayPlan, Peer, RoutePlan, RouteRules } from "../words/index.ts";
import type { PassageCaller, ReplyGuard, Step } from "./words.ts";

/** Who asks, by what the route wants: a token of the cluster, a JWT, a certificate. */
export interface Doorkeeper {
  /** A failure is the client's: `gateway.unauthenticated`, `gateway.forbidden`, `auth.locked_out`. */
  check(route: RoutePlan, head: RequestHead, peer: Peer, client: string): CheckedCaller | Promise<CheckedCaller>;
}

export type CheckedCaller = PassageCaller | Failure;

/** Steps and guards of one route that are not the core's own: the firewall, masks. */
export interface RouteGuards {
  readonly steps: readonly Step[];
  readonly guards: readonly ReplyGuard[];
}

/** What the gateway serves by itself, where no route takes a request for it. */
export interface OwnRoutes {
  readonly plans: readonly RoutePlan[];
  /** `routeOf`: which route takes a call of gRPC to this path. */
  serve(exchange: Exchange & { readonly client: string }, routeOf: (path: string) => RoutePlan | undefined): void;
}

export interface CoreParts {
  readonly plan: GatewayPlan;
  readonly tracer: Tracer;
  /** What people may see of a client's text in a trace: a place (a path), or words for people. */
  shown(text: string, route: RoutePlan | undefined, kind: "place" | "words"): string;
  readonly addresses: ClientViews;
  readonly limits: GatewayLimits;
  readonly doorkeeper: Doorkeeper;
  groupFor(route: RoutePlan): TargetGroup;
  converterFor(route: RoutePlan): Converter | undefined;
  rulesFor(route: RoutePlan): RouteRules | undefined;
  guardsFor(route: RoutePlan): RouteGuards;
  readonly own?: OwnRoutes | undefined;
  /** Of this gateway, for `via`: to be known again when a request comes round. */
  readonly pseudonym: string;
  now(): number;
  newId(): string;
}

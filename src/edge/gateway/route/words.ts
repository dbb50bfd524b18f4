/** What a look at the table comes to. */
import type { CompiledRoute } from "./compiled-route.ts";

export type RouteOutcome = RouteHit | RouteMiss;

export interface RouteHit {
  readonly isHit: true;
  readonly route: CompiledRoute;
  /** Normal form (RFC 3986): what all that comes behind goes by. */
  readonly path: string;
  /** As it was sent, without the question mark. */
  readonly query: string;
  /** Of `route.paramNames`, in their order; percent-encoded as in `path`. */
  readonly values: readonly string[];
}

export interface RouteMiss {
  readonly isHit: false;
  readonly status: 400 | 404 | 405 | 415;
  /** `gateway.bad_path`, `gateway.no_route`, `gateway.method_not_allowed`, `gateway.unsupported_media_type`. */
  readonly code: string;
  /** One sentence for the client. */
  readonly detail: string;
  /** Of 405: the methods that the path's routes have, for the header `allow`. */
  readonly allow: string;
}

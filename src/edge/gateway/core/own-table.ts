/** What the gateway serves by itself: asked only where no route takes a request, so that it hides nothing of anybody. */
import type { RequestHead } from "../../../wire/http/index.ts";
import { type RouteHit, type RouteMiss, RouteTable } from "../route/index.ts";
import type { RoutePlan } from "../words/index.ts";
import type { CoreParts, OwnRoutes } from "./parts.ts";
import { newCounts, type RouteCounts, RouteRuntime } from "./route-runtime.ts";
import { boundStep, limitStep } from "./steps.ts";
import type { Passage } from "./words.ts";

/** A path that is not fit to be read is nobody's. */
const BAD_REQUEST = 400;

export class OwnTable {
  readonly routes: readonly RouteRuntime[];
  readonly #table: RouteTable;

  /** `table` has the routes of the file. */
  constructor(own: OwnRoutes, parts: CoreParts, table: RouteTable, kept: ReadonlyMap<string, RouteCounts>) {
    this.#table = new RouteTable(own.plans);
    this.routes = own.plans.map((plan) => runtimeOf(plan, own, parts, table, kept.get(plan.id)));
  }

  take(request: RequestHead, { status }: RouteMiss): { hit: RouteHit; route: RouteRuntime } | undefined {
    if (status === BAD_REQUEST) return undefined;
    const hit = this.#table.match(request);
    return hit.isHit ? { hit, route: this.routes[hit.route.index]! } : undefined;
  }
}

/** Of limits only those that need nothing of a token or header; the firewall and masks have nothing to look into. */
function runtimeOf(
  plan: RoutePlan,
  own: OwnRoutes,
  parts: CoreParts,
  table: RouteTable,
  counts: RouteCounts = newCounts(),
): RouteRuntime {
  const limits = parts.limits.forRoute(plan.id, ["client_ip", "route", "global"]);
  const finish = (passage: Passage) => {
    own.serve(passage, (path) => routeOf(table, passage.request, path));
    return "held" as const;
  };
  const steps = [...(limits ? [limitStep(parts.limits, limits)] : []), boundStep(plan)];
  return new RouteRuntime(plan, { steps, guards: [], finish }, counts);
}

function routeOf(table: RouteTable, { authority, scheme }: RequestHead, target: string): RoutePlan | undefined {
  const headers = ["content-type", "application/grpc"];
  const found = table.match({ method: "POST", target, scheme, authority, headers, version: "2" });
  return found.isHit ? found.route.plan : undefined;
}

/** What a gateway serves by itself where no route takes it: health and reflection of gRPC at the root. The file can switch each off. */

import { type RootServices, takesGrpc } from "../../edge/gateway/convert/index.ts";
import type { OwnRoutes } from "../../edge/gateway/core/index.ts";
import { parseGatewayFile } from "../../edge/gateway/file/index.ts";
import type { GatewayPlan, RoutePlan } from "../../edge/gateway/words/index.ts";

/** Names that no route of a file can have. */
const HEALTH = [["(grpc health)", "/grpc.health.v1.Health/*"]] as const;
const REFLECTION = [
  ["(grpc reflection)", "/grpc.reflection.v1.ServerReflection/*"],
  ["(grpc reflection, v1alpha)", "/grpc.reflection.v1alpha.ServerReflection/*"],
] as const;

export function ownRoutes(plan: GatewayPlan, root: RootServices): OwnRoutes | undefined {
  const plans = ownPlans(plan);
  return plans.length === 0 ? undefined : { plans, serve: (exchange, routeOf) => root.serve(exchange, routeOf) };
}

export function ownPlans({ routes, settings }: GatewayPlan): readonly RoutePlan[] {
  if (!routes.some(takesGrpc)) return [];
  const wanted = [
    ...(settings.grpcHealth === false ? [] : HEALTH),
    ...(settings.grpcReflection === false ? [] : REFLECTION),
  ];
  return wanted.map(([id, path]) => {
    const line = `route|own|POST ${path}|none|reply=501,content_type=application/grpc;application/grpc+*`;
    return { ...parseGatewayFile(line, id).plan.routes[0]!, id, line: 0 }; // a line of our own, without faults
  });
}

/** How targets are by active checks: one process of a gateway checks and tells the others. */
import type { TargetHealth } from "../../../edge/gateway/upstream/index.ts";
import type { RunningGateway } from "../running-gateway.ts";

export interface RouteHealth {
  readonly route: string;
  readonly targets: readonly TargetHealth[];
}

/** Of the routes that have active checks. */
export function healthOf({ assembly, gateway }: RunningGateway): readonly RouteHealth[] {
  return gateway.routes
    .map(({ plan: { id } }) => ({ route: id, targets: assembly.groupOf(id)?.checked() ?? [] }))
    .filter(({ targets }) => targets.length > 0);
}

/** Of routes that it has not nothing is kept: it goes by another file for a moment. */
export function hearHealth({ assembly }: RunningGateway, told: readonly RouteHealth[]): void {
  for (const { route, targets } of told) assembly.groupOf(route)?.hear(targets);
}

/** The route table of the HTTP API: every path that stands for a method of a contract. Those that a node does not serve answer 404. */
import type { Route } from "../../edge/admin/index.ts";
import { dataRoutes } from "./data-routes.ts";
import { gatewayRoutes } from "./gateway-routes.ts";
import { nodeRoutes } from "./node-routes.ts";
import { serviceRoutes } from "./service-routes.ts";
import { workRoutes } from "./work-routes.ts";

export const ROUTES: readonly Route[] = [
  ...nodeRoutes,
  ...serviceRoutes,
  ...workRoutes,
  ...dataRoutes,
  ...gatewayRoutes,
];

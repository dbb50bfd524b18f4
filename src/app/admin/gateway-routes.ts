/** Paths of a gateway, on nodes that are one: what it goes by, what it has done, and which route a request would take. */
import type { Route } from "../../edge/admin/index.ts";
import { routesOf, sliced } from "./route-table.ts";

const gateway = routesOf("gateway", "gateway");

export const gatewayRoutes: readonly Route[] = [
  gateway("GET", "/gateway", "status"),
  gateway("GET", "/gateway/routes", "routes", sliced("routes", "id")),
  gateway("POST", "/gateway/try", "try"),
  gateway("POST", "/gateway/reload", "reload"),
  gateway("GET", "/gateway/proposals", "proposals"),
];

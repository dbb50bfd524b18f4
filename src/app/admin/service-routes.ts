/** Paths of the services of users. Their methods are called under `/rpc`, and at the endpoints that they declare themselves. */
import type { Route } from "../../edge/admin/index.ts";
import { routesOf, sliced, withCursor } from "./route-table.ts";

const services = routesOf("services", "services");

export const serviceRoutes: readonly Route[] = [
  services("GET", "/services", "list", withCursor("services")),
  services("POST", "/services/rescan", "rescan"),
  services("GET", "/services/{service}", "describe"),
  services("POST", "/services/{service}/swap", "swap"),
  services("POST", "/services/{service}/restart", "restart"),
  services("GET", "/local/services", "local", sliced("services", "file")),
  services("POST", "/admin/broadcast", "broadcast"),
  services("GET", "/debug/registry", "registry"),
];

/** Paths of the node itself: the cluster as it sees it, tokens, processes. */
import type { Route } from "../../edge/admin/index.ts";
import { routesOf, sliced, withCursor } from "./route-table.ts";

const cluster = routesOf("cluster", "cluster");
const raft = routesOf("cluster", "raft");
const system = routesOf("node", "system");
const overview = routesOf("node", "overview");
const tree = routesOf("processes", "instance");
const instances = routesOf("processes", "instances");
const auth = routesOf("tokens", "auth");

export const nodeRoutes: readonly Route[] = [
  cluster("GET", "/cluster/status", "status"),
  cluster("GET", "/cluster/nodes", "nodes", sliced("nodes", "id")),
  cluster("GET", "/cluster/nodes/{node}", "explain"),
  raft("GET", "/cluster/groups", "status", sliced("groups", "group")),

  system("GET", "/system", "get_system_info"),
  system("GET", "/system/health", "health_check"),
  overview("GET", "/overview", "snapshot"),

  tree("GET", "/tree", "describe"),
  tree("POST", "/tree/{name}/restart", "restart"),
  tree("POST", "/tree/{name}/stop", "stop"),
  tree("POST", "/tree/{stage}/swap", "swap"),

  instances("GET", "/instances", "list", sliced("instances", "pid")),
  instances("GET", "/instances/{pid}", "describe"),
  instances("POST", "/instances/{pid}/stop", "stop"),
  instances("POST", "/instances/{pid}/restart", "restart"),
  instances("POST", "/instances/{pid}/swap", "swap"),
  instances("POST", "/instances/{pid}/reload", "reload"),

  auth("POST", "/auth/token", "token"),
  auth("GET", "/auth/tokens", "list", withCursor("tokens")),
  auth("DELETE", "/auth/tokens/{jti}", "revoke"),
  auth("GET", "/auth/whoami", "whoami"),
  auth("POST", "/auth/keys/rotate", "rotate"),
  auth("GET", "/.well-known/jwks.json", "keys", { isPublic: true }),
];

/** Paths of the replicated data. What changes a value takes it in the body; what waits or takes marks is called under `/rpc`. */
import type { Route } from "../../edge/admin/index.ts";
import { listedAfter, routesOf } from "./route-table.ts";

const map = routesOf("data", "map");
const queue = routesOf("data", "queue");
const lock = routesOf("data", "lock");
const counter = routesOf("data", "counter");
const txn = routesOf("data", "txn");

export const dataRoutes: readonly Route[] = [
  map("GET", "/maps/{map}", "range", listedAfter("entries", "key")),
  map("GET", "/maps/{map}/{key}", "get", { content: "entry" }),
  map("PUT", "/maps/{map}/{key}", "put"),
  map("DELETE", "/maps/{map}/{key}", "delete"),

  queue("GET", "/queues", "list", listedAfter("queues", "queue")),
  queue("GET", "/queues/{queue}", "stats", { content: "stats" }),
  queue("GET", "/queues/{queue}/messages", "peek"),
  queue("POST", "/queues/{queue}/messages", "enqueue", { status: 201 }),
  queue("DELETE", "/queues/{queue}/messages", "purge"),

  lock("GET", "/locks", "list", listedAfter("locks", "lock")),
  lock("GET", "/locks/{lock}", "show", { content: "lock" }),

  counter("GET", "/counters", "list", listedAfter("counters", "counter")),
  counter("GET", "/counters/{counter}", "get"),
  counter("POST", "/counters/{counter}/add", "add"),
  counter("PUT", "/counters/{counter}", "set"),

  txn("POST", "/transactions", "run"),
  txn("GET", "/transactions", "list", listedAfter("transactions", "id")),
  txn("GET", "/transactions/{id}", "show", { content: "transactions" }),
];

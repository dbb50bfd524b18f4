/** The balancers that routes can have, and why not the others: one table for the parser and `check --explain`. */
import { type BalancerName, balancerDocs } from "../../../protocol/balance/index.ts";

export const NOT_OF_ROUTES: Readonly<Partial<Record<BalancerName, string>>> = {
  CUSTOM: "the options lua and plugin decide",
  LEAST_LOAD: "upstreams report no load; LEAST_CONNECTIONS goes by what is under way",
};

/** In the words of a gateway: its nodes are targets, its batches requests. */
const IN_ROUTES: Readonly<Partial<Record<BalancerName, string>>> = {
  CONSISTENT_HASH:
    "one client's address goes to one target unless that is overloaded; few move when targets come or go",
};

export const routeBalancerDocs: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(balancerDocs)
    .filter(([name]) => !Object.hasOwn(NOT_OF_ROUTES, name))
    .map(([name, text]) => [
      name,
      IN_ROUTES[name as BalancerName] ??
        text.replaceAll("nodes", "targets").replaceAll("node", "target").replaceAll("batches", "requests"),
    ]),
);

export const ROUTE_BALANCER_FORM = `one of ${Object.keys(routeBalancerDocs).join(", ")}`;

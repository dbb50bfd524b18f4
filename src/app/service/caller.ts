/** Who calls a service, by who asks the node: a node of the cluster speaks for itself, everybody else comes from outside. */
import type { ServiceCaller } from "../../process/service/index.ts";
import type { Caller } from "../../wire/rpc/index.ts";

export function serviceCallerOf({ access, name, scopes = [] }: Caller): ServiceCaller {
  return { kind: access === "node" ? "node" : "outside", name, access, scopes };
}

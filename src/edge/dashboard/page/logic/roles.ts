/** What nodes are for, and where their own pages are. Pure. */
import type { NodeView } from "../../words.ts";

const GATEWAY = "gateway";

export function isGateway({ roles, state }: Pick<NodeView, "roles" | "state">): boolean {
  return roles.includes(GATEWAY) && state !== "left" && state !== "dead";
}

/** A node shows its own page where it is a member; all nodes of a cluster speak TLS, or none does. */
export function pageOf(address: string, protocol: string, tab: string): string {
  return `${protocol}//${address}/#${tab}`;
}

/** What the registry of services needs of a node: its members, and its links to them. */

import { Failure } from "../../base/errors.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import type { LinkPool, PeerLink } from "../../wire/link/index.ts";
import type { Service } from "../../wire/rpc/index.ts";
import type { RegistryPorts } from "../../work/service/registry/index.ts";

export interface NodeParts {
  readonly membership: Pick<Membership, "members" | "on" | "self">;
  readonly links: Pick<LinkPool, "byId" | "get">;
  /** All that it answers. */
  readonly services: readonly Service[];
}

interface NodePorts extends Pick<RegistryPorts, "members" | "onMember"> {
  linkTo(node: string): Promise<PeerLink>;
  linkOf(node: string): PeerLink | undefined;
}

/** `node` gives nothing until the node is put together; nobody is known then. */
export function nodePorts(node: () => NodeParts | undefined): NodePorts {
  const others = (): ReturnType<Membership["members"]> => {
    const { membership } = node() ?? {};
    if (!membership) return [];
    return membership.members().filter(({ id, state }) => id !== membership.self.id && isThere(state));
  };
  return {
    members: () => others().map(({ id }) => id),
    onMember: (hear) => {
      const membership = node()?.membership;
      if (!membership) return () => {};
      return membership.on((event) => {
        if (event.kind === "join" || event.kind === "alive") hear(event.member.id, true);
        else if (event.kind === "leave") hear(event.member.id, false);
        else if (event.kind === "down") for (const id of event.down) hear(id, false);
        else if (event.kind === "up") for (const { id } of others()) hear(id, true);
      });
    },
    linkTo: async (id) => {
      const open = node()?.links.byId(id);
      if (open?.isOpen) return open;
      const member = others().find((each) => each.id === id);
      const links = node()?.links;
      if (!member || !links) throw new Failure("service.no_member", `node ${id} is no member of the cluster`);
      return links.get(member.address, { id });
    },
    linkOf: (id) => node()?.links.byId(id),
  };
}

function isThere(state: string): boolean {
  return state === "alive" || state === "suspect";
}

/** The replicated data as a member of the cluster reaches it: over its links, through whichever masters are alive. */

import type { Membership } from "../../cluster/membership/index.ts";
import type { DataClient, Way } from "../../data/client/index.ts";
import { type LinkPool, linkTransport } from "../../wire/link/index.ts";
import { dataClient } from "../data/connect-data.ts";

/** What a node that keeps data says that it does. */
const MASTER = "master";

type Member = Membership["self"];

export function dataOverLinks(membership: Pick<Membership, "members">, links: Pick<LinkPool, "get">): DataClient {
  const known = new Map<string, Way>();
  const wayTo = ({ address, id }: Member): Way => {
    const name = `${id} at ${address.host}:${address.port}`;
    const way = known.get(name) ?? {
      name,
      transport: linkTransport({ get: (to, options) => links.get(to, { ...options, id }) }, { ...address, id }),
    };
    known.set(name, way); // one for each master there ever was at an address: few
    return way;
  };
  const rank = ({ state }: Member): number => (state === "alive" ? 0 : 1);
  return dataClient(() =>
    membership
      .members()
      .filter(({ meta, state }) => meta.roles.includes(MASTER) && (state === "alive" || state === "suspect"))
      .sort((left, right) => rank(left) - rank(right))
      .map(wayTo),
  );
}

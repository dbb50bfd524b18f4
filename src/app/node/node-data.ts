/** The replicated data as a member of the cluster reaches it: over its links, through whichever masters are alive. */

import { Failure } from "../../base/errors.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import type { DataClient, Way } from "../../data/client/index.ts";
import { type LinkPool, linkTransport } from "../../wire/link/index.ts";
import type { OutgoingCall, Reply, Transport } from "../../wire/rpc/index.ts";
import { dataClient } from "../data/connect-data.ts";

/** What a node that keeps data says that it does. */
const MASTER = "master";

type Member = Membership["self"];
type Links = Pick<LinkPool, "byId" | "get">;

export function dataOverLinks(membership: Pick<Membership, "members" | "on">, links: Links): DataClient {
  const known = new Map<string, Way>();
  const wayTo = (member: Member): Way => {
    const { address, id } = member;
    const name = `${id} at ${address.host}:${address.port}`;
    const way = known.get(name) ?? { name, node: id, transport: transportTo(member, links) };
    known.set(name, way); // one for each master there ever was at an address: few
    return way;
  };
  const rank = ({ state }: Member): number => (state === "alive" ? 0 : 1);
  const look = (): readonly Way[] =>
    membership
      .members()
      .filter(({ meta, state }) => meta.roles.includes(MASTER) && (state === "alive" || state === "suspect"))
      .sort((left, right) => rank(left) - rank(right))
      .map(wayTo);
  let ways: readonly Way[] | undefined;
  membership.on(() => {
    ways = undefined;
  });
  return dataClient(() => {
    ways ??= look();
    return ways;
  });
}

/** Over the link that is open, which keeps the call's deadline by itself, or one that is opened first. */
export function transportTo({ address, id }: Pick<Member, "address" | "id">, links: Links): Transport {
  const dial = linkTransport({ get: (to, options) => links.get(to, { ...options, id }) }, { ...address, id });
  const carry = (call: OutgoingCall): Promise<Reply> => {
    const link = links.byId(id);
    return link?.isOpen ? linkTransport(link)(call) : dialInTime(dial, call);
  };
  return Object.assign(carry, { keepsDeadlines: true });
}

async function dialInTime(dial: Transport, call: OutgoingCall): Promise<Reply> {
  const { contract, method, signal, timeoutMs } = call;
  const over = AbortSignal.timeout(timeoutMs);
  try {
    return await dial({ ...call, signal: signal ? AbortSignal.any([signal, over]) : over });
  } catch (thrown) {
    if (!over.aborted || signal?.aborted) throw thrown;
    throw new Failure("rpc.deadline_exceeded", `${contract}.${method}: no answer within ${timeoutMs} ms`);
  }
}

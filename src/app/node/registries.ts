/** Where a program's node finds its peers: the port mapper of this machine, and the members of its cluster. */
import type { Address } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import type { Peer, PeerChange, Registry } from "../../cluster/node/index.ts";
import { PMD_PORT_DEFAULT, type Peer as PmdPeer } from "../../cluster/pmd/index.ts";
import { ensurePmd } from "../pmd/ensure-pmd.ts";
import { openNodePmd, ownProcess } from "../pmd/pmd-client.ts";

export interface PmdRegistryOptions {
  /** DISTRIBUTED_SYSTEM_PMD_PORT, else 4369, unless told otherwise. */
  readonly port: number | undefined;
  readonly dataDir: string | undefined;
  readonly logger: Logger;
}

export interface PmdRegistry extends Registry {
  /** Resolves when the watch has told of all that were registered, or after a while without an answer. */
  untilKnown(): Promise<void>;
  /** Held up until it is closed, also through a restart of the port mapper. */
  register(node: Address & { readonly alias: string; readonly nodeId: string }): Promise<void>;
  close(): Promise<void>;
}

/** A port mapper answers within milliseconds; a node that waits for one that does not would never start. */
const SNAPSHOT_TIMEOUT_MS = 2_000;

/** Starts a port mapper where none runs. */
export async function openPmdRegistry({ dataDir, logger, port }: PmdRegistryOptions): Promise<PmdRegistry> {
  const place = { port: port ?? portFromEnvironment(), dataDir };
  await ensurePmd(place);
  const { client, close } = openNodePmd(place, { warn: (text) => logger.warn(text) });
  const known = Promise.withResolvers<void>();
  return {
    async untilKnown() {
      const timer = systemClock.after(SNAPSHOT_TIMEOUT_MS, known.resolve);
      await known.promise;
      timer.cancel();
    },
    watch(hear) {
      const watch = client.watch({
        connected: () => known.resolve(),
        changed({ kind, peer }) {
          hear({ kind: kind === "leave" ? "leave" : "join", peer: fromPmd(peer) });
        },
        disconnected: (reason) => logger.debug("the port mapper's watch ended", { reason }),
      });
      return () => void watch.close();
    },
    async resolve(alias) {
      try {
        return fromPmd(await client.resolve(alias));
      } catch (thrown) {
        if (thrown instanceof Failure && thrown.code === "pmd.not_found") return undefined;
        throw thrown;
      }
    },
    async register(node) {
      await client.register({ ...node, ...ownProcess() }, (why) => {
        if (why) logger.warn(`not registered with the port mapper: ${why.message}`);
        else logger.info("registered with the port mapper again");
      });
    },
    close,
  };
}

function portFromEnvironment(): number {
  const text = process.env.DISTRIBUTED_SYSTEM_PMD_PORT ?? "";
  if (text === "") return PMD_PORT_DEFAULT;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Failure("usage.pmd_port", `DISTRIBUTED_SYSTEM_PMD_PORT is ${JSON.stringify(text)}; 1 to 65535 is required`);
}

function fromPmd({ alias, host, meta, nodeId, port }: PmdPeer): Peer {
  return { alias, id: nodeId, host, port, meta };
}

type Members = Pick<Membership, "members" | "on" | "self">;
type Member = ReturnType<Members["members"]>[number];

/** Members that are not known to be gone, by the names that they announce. */
export function clusterRegistry(membership: Members): Registry {
  const others = (): readonly Member[] =>
    membership
      .members()
      .filter(({ id, state }) => id !== membership.self.id && (state === "alive" || state === "suspect"));
  return {
    watch(hear) {
      for (const member of others()) hear({ kind: "join", peer: fromMember(member) });
      return membership.on((event) => {
        if (event.kind === "join" || event.kind === "update" || event.kind === "leave") {
          hear({
            kind: event.kind === "leave" ? "leave" : "join",
            peer: fromMember(event.member),
          } satisfies PeerChange);
        }
      });
    },
    resolve: async (alias) =>
      others()
        .map(fromMember)
        .find((peer) => peer.alias === alias),
  };
}

function fromMember({ address, id, meta }: Member): Peer {
  const { capacities, labels, name, roles } = meta;
  return { alias: name, id, host: address.host, port: address.port, meta: { ...labels, roles, capacities } };
}

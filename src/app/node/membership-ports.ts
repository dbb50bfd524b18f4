/** What a node's membership is made of: its ports onto listener and links, its numbers, what it tells of the node. */
import type { Address } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { type MembershipOptions, type MembershipPorts, membershipOptions } from "../../cluster/membership/index.ts";
import type { Listener } from "../../cluster/node/index.ts";
import type { GossipSeal } from "../../wire/auth/index.ts";
import type { LinkPool } from "../../wire/link/index.ts";
import type { KnownNames } from "./known-names.ts";
import { warnOnceAWhile } from "./say-once.ts";
import type { NodeSettings } from "./settings.ts";

/** The topic of push-pulls on links. */
export const SYNC_TOPIC = "cluster.sync";
/** A peer that has not answered a push-pull within this time is asked again at the next one. */
const SYNC_TIMEOUT_MS = 10_000;

/** Who hears of datagrams. */
export interface DatagramDoor {
  onDatagram: (from: Address, bytes: Uint8Array) => void;
}

export interface PortParts {
  readonly listener: Listener;
  readonly door: DatagramDoor;
  readonly pool: LinkPool;
  readonly names: KnownNames;
  readonly seal: GossipSeal;
  readonly random: Random;
  readonly logger: Logger;
}

export function portsOf({ door, listener, logger, names, pool, random, seal }: PortParts): MembershipPorts {
  return {
    datagrams: {
      send: (to, bytes) => listener.sendDatagram(to, bytes),
      onReceive(handler) {
        door.onDatagram = handler;
      },
    },
    syncs: {
      async sync(to, bytes) {
        const link = await pool.get(to);
        return bytesOf(await link.request(SYNC_TOPIC, bytes, { timeoutMs: SYNC_TIMEOUT_MS }));
      },
    },
    seal,
    resolve: (host) => names.resolve(host),
    clock: systemClock,
    random,
    warn: warnOnceAWhile(logger, systemClock),
    failed(thrown) {
      throw thrown; // a defect of a protocol: the process ends, and whoever supervises it starts another
    },
  };
}

export function bytesOf(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  throw new Failure("cluster.bad_sync", "a push-pull is no bytes");
}

export function metaOf({ capacities, labels, name, roles }: NodeSettings) {
  return { name, roles, capacities, labels };
}

export function optionsOf({
  clusterSize,
  preset,
  splitBrain: { quorumSize, stableAfterMs, strategy },
}: NodeSettings): MembershipOptions {
  const options = membershipOptions(preset, clusterSize);
  const kinds = {
    off: { kind: "off" },
    "keep-majority": { kind: "keep-majority" },
    "keep-oldest": { kind: "keep-oldest", downIfAlone: true },
    "down-all": { kind: "down-all" },
    "static-quorum": { kind: "static-quorum", size: quorumSize ?? 1 },
  } as const;
  return { ...options, partition: { ...options.partition, strategy: kinds[strategy], stableAfterMs } };
}

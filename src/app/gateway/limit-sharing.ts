/**
 * Brings what gateways tell each other about their limits from one to the other: over links to the gateways of the cluster, and over the
 * channels to other processes of this one. Whatever is lost is said again by the machine itself.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import {
  type GatewayLimits,
  readSharedMessage,
  SharedLimits,
  type SharedMessage,
} from "../../edge/gateway/limit/index.ts";
import type { LinkHandlers, LinkPool } from "../../wire/link/index.ts";

export const LIMITS_TOPIC = "gateway/limits";
export const GATEWAY_ROLE = "gateway";

/** Where several processes are one gateway: people expect one limit, and a message on one machine costs next to nothing. */
const INSIDE_ROUND_MS = 25;

/** Others with whom limits are counted, however they are reached. */
export interface LimitPeers {
  /** Processes of this gateway, with whom all limits are counted; other gateways count those that are shared. */
  readonly isInside: boolean;
  /** Their names; another set each time it changes. */
  names(): readonly string[];
  /** Fire and forget. */
  send(peer: string, message: SharedMessage): void;
}

export class LimitSharing {
  readonly #clock: Clock;
  readonly #peers: readonly LimitPeers[];
  #shared: SharedLimits | undefined;
  #timer: Timer | undefined;
  /** No two lives of one process are told apart by a clock that stood still. */
  #life = 0;

  constructor(clock: Clock, peers: readonly LimitPeers[]) {
    this.#clock = clock;
    this.#peers = peers;
  }

  /** From now on these are counted together; what was under way about others is dropped. */
  follow(limits: GatewayLimits): void {
    const hasInside = this.#peers.some(({ isInside }) => isInside);
    const { buckets, concurrencies } = limits.countedTogether(hasInside);
    this.#timer?.cancel();
    this.#life = Math.max(this.#clock.now(), this.#life + 1);
    if (buckets.length + concurrencies.length === 0) {
      this.#shared?.retire();
      this.#shared = undefined;
      return;
    }
    this.#shared = new SharedLimits({
      ...{ life: this.#life, buckets, concurrencies, former: this.#shared },
      ...(hasInside && { roundMs: INSIDE_ROUND_MS }),
    });
    this.#round();
  }

  receive(peer: string, payload: unknown): void {
    const message = readSharedMessage(payload);
    const answer = message && this.#shared?.receive(peer, message, this.#clock.monotonic());
    if (answer) this.#peers.find((each) => each.names().includes(peer))?.send(peer, answer);
  }

  counts(): ReturnType<SharedLimits["counts"]> | undefined {
    return this.#shared?.counts();
  }

  close(): void {
    this.#timer?.cancel();
    this.#shared = undefined;
  }

  #round(): void {
    const shared = this.#shared;
    if (!shared) return;
    const nowMs = this.#clock.monotonic();
    const names = this.#peers.map((each) => each.names());
    const of = (isInside: boolean): string[] => names.filter((_, at) => this.#peers[at]?.isInside === isInside).flat();
    shared.setPeers(of(false), of(true));
    for (const { message, peer } of shared.tick(nowMs)) {
      const at = names.findIndex((each) => each.includes(peer));
      this.#peers[at]?.send(peer, message);
    }
    const waitMs = Math.max(1, shared.nextDeadlineMs - this.#clock.monotonic());
    this.#timer = this.#clock.after(waitMs, () => this.#round());
  }
}

export interface SharingCluster {
  readonly membership: Pick<Membership, "members" | "self">;
  readonly links: Pick<LinkPool, "byId" | "get">;
}

/** The other gateways of the cluster. */
export function gatewaysOverLinks(
  cluster: () => SharingCluster | undefined,
  debug: (text: string) => void,
): LimitPeers {
  const others = () => {
    const { membership } = cluster() ?? {};
    return (membership?.members() ?? []).filter(
      ({ id, meta, state }) =>
        id !== membership?.self.id && meta.roles.includes(GATEWAY_ROLE) && (state === "alive" || state === "suspect"),
    );
  };
  return {
    isInside: false,
    names: () => others().map(({ id }) => id),
    send(peer, message) {
      const member = others().find(({ id }) => id === peer);
      if (!member) return;
      notify(cluster()!.links, member, message).catch((thrown) =>
        debug(`${peer} was not told of limits: ${messageOf(thrown)}`),
      );
    },
  };
}

async function notify(
  links: SharingCluster["links"],
  { address, id }: ReturnType<Membership["members"]>[number],
  message: SharedMessage,
): Promise<void> {
  const open = links.byId(id);
  const link = open?.isOpen ? open : await links.get(address, { id });
  await link.notify(LIMITS_TOPIC, message);
}

export function limitHandlers(sharing: Pick<LimitSharing, "receive">): LinkHandlers {
  return { [LIMITS_TOPIC]: { notify: (payload, { peer }) => sharing.receive(peer.id, payload) } };
}

/**
 * Links to the other nodes of a group, by their ids: where they are is known from the cluster, from `--masters`, and from themselves.
 * One that is missing is dialed beside the work; who asks for it meanwhile goes without.
 */
import type { Address } from "../../base/address.ts";
import { type Clock, pause } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import type { LinkPool, PeerLink } from "../../wire/link/index.ts";
import { MASTER_ROLE } from "../master/master-duty.ts";
import type { NamedMaster } from "./masters-list.ts";

/** Between two tries to find out who listens at an address; the pool of links waits longer by itself. */
const ASK_AGAIN_MS = 100;

export interface MasterLinksPorts {
  readonly links: LinkPool;
  readonly membership: Pick<Membership, "members">;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class MasterLinks {
  readonly #ports: MasterLinksPorts;
  readonly #addresses = new Map<string, Address>();
  readonly #dialing = new Set<string>();
  readonly #end = new AbortController();

  constructor(named: readonly NamedMaster[], ports: MasterLinksPorts) {
    this.#ports = ports;
    for (const { address, id } of named) if (id !== undefined) this.#addresses.set(id, address);
  }

  /** Undefined while there is none: it is being looked for then. */
  link(id: string): PeerLink | undefined {
    const link = this.#ports.links.byId(id);
    if (link?.isOpen) return link;
    this.#dial(id);
    return undefined;
  }

  /** As it says of itself, under the cluster's key. */
  isMaster(id: string): boolean {
    const member = this.#ports.membership.members().find((each) => each.id === id);
    return member?.meta.roles.includes(MASTER_ROLE) ?? this.#addresses.has(id);
  }

  addressOf(id: string): Address | undefined {
    const member = this.#ports.membership.members().find((each) => each.id === id);
    return member?.address ?? this.#addresses.get(id);
  }

  /** Who listens there; asked until somebody answers. */
  async idAt(address: Address, signal: AbortSignal): Promise<string> {
    const { clock, links, logger } = this.#ports;
    const either = AbortSignal.any([signal, this.#end.signal]);
    for (let tries = 1; ; tries++) {
      either.throwIfAborted();
      try {
        const { id } = (await links.get(address, { signal: either })).peer;
        this.#addresses.set(id, address);
        return id;
      } catch (thrown) {
        logger.debug("a master does not answer", { ...address, tries, reason: messageOf(thrown) });
        await pause(clock, ASK_AGAIN_MS, either);
      }
    }
  }

  close(): void {
    this.#end.abort();
  }

  #dial(id: string): void {
    const address = this.addressOf(id);
    if (!address || this.#dialing.has(id) || this.#end.signal.aborted) return;
    this.#dialing.add(id);
    const { links, logger } = this.#ports;
    links
      .get(address, { id, signal: this.#end.signal })
      .catch((thrown) => logger.debug(`master ${id} does not answer`, { reason: messageOf(thrown) }))
      .finally(() => this.#dialing.delete(id));
  }
}

/** This node's address and name on the network, as links and tokens need them. */
import type { Address } from "../../base/address.ts";
import { audiencesOf } from "../../wire/auth/index.ts";
import type { LinkSelf } from "../../wire/link/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { ownHosts } from "../secrets/own-hosts.ts";
import type { NodeSettings } from "./settings.ts";

/**
 * A token for another spelling of the own host is no good here: whoever listens on [::1] could have been handed it, by a name
 * that stands for both, and would pass it on.
 */
const ONLY_AS_BOUND = false;

/** The address is whole only when the port is open. */
export class Place {
  readonly #settings: NodeSettings;
  readonly #instance = Buffer.from(systemEntropy(9)).toString("base64url");
  port = 0;

  constructor(settings: NodeSettings) {
    this.#settings = settings;
  }

  get address(): Address {
    const { advertise, host } = this.#settings;
    return advertise ?? { host, port: this.port };
  }

  self(): LinkSelf {
    return { id: this.#settings.id, instance: this.#instance, address: this.address };
  }

  /** To whom a token has to be addressed. */
  audiences(): readonly string[] {
    const { host, id } = this.#settings;
    const own = [host, ...ownHosts(host)].map((each) => ({ host: each, port: this.port }));
    return audiencesOf(id, [this.address, ...own], ONLY_AS_BOUND);
  }
}

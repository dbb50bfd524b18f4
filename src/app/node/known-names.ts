/**
 * Names whose addresses this node has looked up. A seed given by name is dialed by address; its certificate may be for the
 * name only, and whoever shows it is the one who was meant.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";

/** People name a handful of seeds. */
const NAMES_MAX = 1_024;

export class KnownNames {
  readonly #byAddress = new Map<string, Set<string>>();

  /** The addresses of a host; those of an address are itself. */
  async resolve(host: string): Promise<readonly string[]> {
    if (isIP(host)) return [host];
    const found = await lookup(host, { all: true });
    for (const { address } of found) this.#remember(address, host);
    return found.map(({ address }) => address);
  }

  /** For TLS: the certificate is for the host that was dialed, or for a name of it. */
  readonly check = (host: string, certificate: PeerCertificate): Error | undefined => {
    const names = this.#byAddress.get(host) ?? [];
    const isKnown = [...names].some((name) => checkServerIdentity(name, certificate) === undefined);
    return isKnown ? undefined : checkServerIdentity(host, certificate);
  };

  #remember(address: string, name: string): void {
    if (this.#byAddress.size >= NAMES_MAX) this.#byAddress.delete(this.#byAddress.keys().next().value!);
    const names = this.#byAddress.get(address) ?? new Set();
    this.#byAddress.set(address, names.add(name));
  }
}

/**
 * How many connections there are, at all and from each address. Whoever is one too many is turned away at the door, before a byte is read.
 * One client of IPv6 has a whole network of addresses: they count as one.
 */
import { addressKey } from "../../../base/ip-address.ts";

/** What one client has at least: the smallest network that providers give away (RFC 6177). */
const IPV6_PREFIX = 64;

export interface AdmissionLimits {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
}

export class Admission {
  connections = 0;
  readonly #byAddress = new Map<string, number>();

  /** Counts the connection, unless it is one too many. `unnamed`: it is counted as such until then. */
  enter(address: string, limits: AdmissionLimits, unnamed: 0 | 1 = 0): boolean {
    const key = addressKey(address, IPV6_PREFIX);
    const ofAddress = this.#byAddress.get(key) ?? 0;
    if (this.connections - unnamed >= limits.connectionsMax || ofAddress >= limits.connectionsPerAddressMax)
      return false;
    this.connections++;
    this.#byAddress.set(key, ofAddress + 1);
    return true;
  }

  /** One of a proxy that has not said yet whom it is for. */
  enterUnnamed({ connectionsMax }: AdmissionLimits): boolean {
    if (this.connections >= connectionsMax) return false;
    this.connections++;
    return true;
  }

  leaveUnnamed(): void {
    this.connections--;
  }

  leave(address: string): void {
    const key = addressKey(address, IPV6_PREFIX);
    this.connections--;
    const ofAddress = (this.#byAddress.get(key) ?? 1) - 1;
    if (ofAddress > 0) this.#byAddress.set(key, ofAddress);
    else this.#byAddress.delete(key);
  }
}

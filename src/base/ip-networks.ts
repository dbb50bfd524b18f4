/** Networks as CIDR (`10.0.0.0/8`, `fd00::/8`, or one address), and whether an address is in one of them. What was asked before is remembered. */
import ipaddr from "ipaddr.js";
import { type Address, canonicalAddress, parseAddress } from "./ip-address.ts";

interface Network {
  readonly base: Address;
  readonly bits: number;
}

/** Addresses whose answer is remembered: those that are looked up often are few. */
const REMEMBERED_MAX = 1_024;
const V4_PREFIX_BITS = 96;

export class IpNetworks {
  readonly #networks: readonly Network[];
  readonly #known = new Map<string, boolean>();

  private constructor(networks: readonly Network[]) {
    this.#networks = networks;
  }

  /** The text that is no network, where one is none. */
  static read(texts: readonly string[]): IpNetworks | { readonly wrong: string } {
    const networks: Network[] = [];
    for (const text of texts) {
      const network = readNetwork(text);
      if (network === undefined) return { wrong: text };
      networks.push(network);
    }
    return new IpNetworks(networks);
  }

  get isEmpty(): boolean {
    return this.#networks.length === 0;
  }

  /** For addresses that come again and again. */
  has(address: string): boolean {
    if (this.isEmpty) return false;
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const found = this.contains(address);
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(address, found);
    return found;
  }

  /** For addresses that anybody may name: nothing is remembered. */
  contains(text: string): boolean {
    const address = parseAddress(text);
    return address !== undefined && this.#networks.some((network) => isWithin(network, address));
  }
}

function readNetwork(text: string): Network | undefined {
  const [place = "", bitsText] = text.split("/");
  const canonical = canonicalAddress(place);
  const base = canonical === undefined ? undefined : parseAddress(canonical);
  if (base === undefined || (bitsText !== undefined && !ipaddr.isValidCIDR(text))) return undefined;
  if (bitsText === undefined) return { base, bits: 128 };
  return { base, bits: Number(bitsText) + (place.includes(":") ? 0 : V4_PREFIX_BITS) };
}

function isWithin({ base, bits }: Network, address: Address): boolean {
  for (let at = 0, left = bits; left > 0; at++, left -= 16) {
    const mask = left >= 16 ? 0xffff : 0xffff & (0xffff << (16 - left));
    if ((base[at]! & mask) !== (address[at]! & mask)) return false;
  }
  return true;
}

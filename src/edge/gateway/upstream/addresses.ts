/**
 * Which addresses a target made out of a client's words may have: only those of the public internet. Everything inside (loopback, private,
 * link-local with the clouds' metadata, carrier NAT, multicast, …) is refused, also when it hides in an IPv6 address that carries an
 * IPv4 one. What is allowed is listed, not what is forbidden: a new special range is refused until it is known.
 * Only strict spellings are addresses: what a resolver may read as octal, hexadecimal or short forms is no host at all.
 */
import ipaddr from "ipaddr.js";
import { Failure } from "../../../base/errors.ts";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** Public by their numbers, but inside: the wire server of Azure answers there from within only. */
const SPECIAL_V4 = networks(["168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15"]);
/** All of IPv6 that is given out to the public. */
const GLOBAL_V6 = networks(["2000::/3"]);
/** Within it: protocol assignments with Teredo and ORCHID, documentation, 6to4. */
const SPECIAL_V6 = networks(["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]);
/** NAT64: the IPv4 address in the last 32 bits is who is reached. */
const NAT64 = networks(["64:ff9b::/96"]);

const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/;
/** A last label that begins with a digit: some resolvers take such names for numbers (`0x7f.1`, `017700000001`). */
const NUMERIC = /(?:^|\.)[0-9][0-9a-fx]*$/;

export class AddressRules {
  readonly #allowed: readonly Network[];

  /** `allowed`: networks (CIDR) that may be reached although they are inside. Fails with `gateway.bad_network`. */
  constructor(allowed: readonly string[]) {
    this.#allowed = networks(allowed);
  }

  /** Why a dynamic target may not have this address; undefined when it may. */
  denial(text: string): string | undefined {
    const address = parse(text);
    if (address === undefined) return "no address";
    if (this.#allowed.some((network) => contains(network, address))) return undefined;
    return denialOf(address);
  }
}

/** The address as it is judged: it is what is connected to, so that no other reader of the text can take it for another one. */
export function plainAddress(text: string): string | undefined {
  return parse(text)?.toString();
}

/** A host as it is looked up: an address as `ip`, or a name in lower case without the final dot. Fails with `gateway.bad_host`. */
export function readHost(host: string): { readonly ip: string } | { readonly name: string } {
  const isBracketed = host.startsWith("[") && host.endsWith("]");
  const bare = isBracketed ? host.slice(1, -1) : host;
  const name = bare.endsWith(".") ? bare.slice(0, -1).toLowerCase() : bare.toLowerCase();
  const address = parse(name);
  if (address !== undefined && (!isBracketed || name.includes(":"))) return { ip: address.toString() };
  if (isBracketed || NUMERIC.test(name) || !NAME.test(name)) {
    throw new Failure(
      "gateway.bad_host",
      `reading the host ${JSON.stringify(host.slice(0, 256))}: a DNS name or a plain address is required`,
    );
  }
  return { name };
}

/** Strict: four decimal numbers or IPv6; an IPv4 address in IPv6 is that IPv4 address. */
function parse(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function denialOf(address: Address): string | undefined {
  if (address instanceof ipaddr.IPv4) {
    const range = address.range();
    if (range !== "unicast") return range;
    return SPECIAL_V4.some((network) => contains(network, address)) ? "special" : undefined;
  }
  if (NAT64.some((network) => contains(network, address))) return denialOf(lastFour(address));
  if (!GLOBAL_V6.some((network) => contains(network, address))) return address.range();
  return SPECIAL_V6.some((network) => contains(network, address)) ? `special (${address.range()})` : undefined;
}

function lastFour(address: ipaddr.IPv6): ipaddr.IPv4 {
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

function contains([base, bits]: Network, address: Address): boolean {
  return base.kind() === address.kind() && address.match(base, bits);
}

function networks(texts: readonly string[]): readonly Network[] {
  return texts.map((text) => {
    if (!ipaddr.isValidCIDR(text)) {
      throw new Failure(
        "gateway.bad_network",
        `reading the network ${JSON.stringify(text)}: an address and a prefix (10.0.0.0/8) are required`,
      );
    }
    return ipaddr.parseCIDR(text);
  });
}

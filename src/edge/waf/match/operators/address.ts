/** Operators that compare addresses with networks. */
import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import type { Bytes } from "../bytes.ts";
import { byValue, invalidArgument, type Matcher, type MatcherFactory } from "./words.ts";

type Network = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

function networkOf(text: string, argument: Bytes): Network {
  const [address = "", bits] = text.split("/");
  const isFour = isIPv4(address);
  const prefix = bits === undefined ? (isFour ? 32 : 128) : /^[0-9]{1,3}$/.test(bits) ? Number(bits) : -1;
  if ((!isFour && !isIPv6(address)) || prefix < 0 || prefix > (isFour ? 32 : 128))
    throw invalidArgument("ipMatch", argument, `addresses and networks (CIDR); "${text}" is none`);
  return [ipaddr.parse(address), prefix];
}

function byNetworks(networks: readonly Network[]): Matcher {
  return byValue((value) => {
    if (!isIPv4(value) && !isIPv6(value)) return false;
    const address = ipaddr.process(value);
    return networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  });
}

function ipMatch(argument: Bytes): Matcher {
  const pieces = argument.split(",").map((piece) => piece.trim());
  return byNetworks(pieces.filter((piece) => piece !== "").map((piece) => networkOf(piece, argument)));
}

/** One address or network a line; `#` begins a comment. */
function ipMatchFromFile(argument: Bytes, data: Bytes | undefined): Matcher {
  if (data === undefined) throw invalidArgument("ipMatchFromFile", argument, "a file that can be read");
  const lines = data.split("\n").map((line) => line.replace(/#.*/, "").trim());
  return byNetworks(lines.filter((line) => line !== "").map((line) => networkOf(line, argument)));
}

export const ADDRESS_OPERATORS: Readonly<Record<string, MatcherFactory>> = {
  ipmatch: ipMatch,
  ipmatchfromfile: ipMatchFromFile,
  ipmatchf: ipMatchFromFile,
};

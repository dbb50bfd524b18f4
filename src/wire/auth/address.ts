/** How an address is written wherever it is signed: one spelling, so that both sides sign the same. */
import { isIPv6 } from "node:net";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, an IPv6 address in brackets, the host in small letters. */
export function addressText({ host, port }: HostPort): string {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  const lower = bare.toLowerCase();
  return isIPv6(lower) ? `[${lower}]:${port}` : `${lower}:${port}`;
}

/** How a process on the same machine may call an address that is bound to loopback or to every interface. */
const LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "::1"];

/**
 * What a token for this node may be addressed to: its id and each of its addresses. `isLocal` adds the loopback spellings
 * of the same port, for nodes that listen there.
 */
export function audiencesOf(id: string, addresses: readonly HostPort[], isLocal: boolean): readonly string[] {
  const local = isLocal ? addresses.flatMap(({ port }) => LOOPBACK_HOSTS.map((host) => ({ host, port }))) : [];
  return [...new Set([id, ...[...addresses, ...local].map(addressText)])];
}

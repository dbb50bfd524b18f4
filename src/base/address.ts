/** Addresses as people write them: `host:port`, an IPv6 host in brackets. */
import { isIPv6 } from "node:net";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export const ADDRESS_FORM = "HOST:PORT, such as 127.0.0.1:8080, node1.example:8080 or [::1]:8080";
export const PORT_FORM = "a whole number from 0 to 65535";

/** Names of machines (RFC 1123) and IPv4; what stands in brackets is IPv6. */
const HOST = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9.])?$/;

export function parseAddress(text: string): Address | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = parseHost(bracketed ?? plain ?? "");
  const port = parsePort(digits ?? "");
  if (host === undefined || port === undefined || host.includes(":") !== (bracketed !== undefined)) return undefined;
  return { host, port };
}

/** A host alone, with or without brackets; undefined when it is none. */
export function parseHost(text: string): string | undefined {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (bare.includes(":")) return isIPv6(bare) ? bare : undefined;
  return HOST.test(bare) && bare.length <= 253 ? bare : undefined;
}

export function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Which addresses can be reached from this machine only, and which stand for all that it has. The system takes many
 * spellings of one address (0, 0.0 and 0x0 are 0.0.0.0 to it). What is not surely loopback is not taken for it.
 */
import { isIPv4, isIPv6 } from "node:net";

/** What listeners take for "everywhere" without being an address. */
const EVERYWHERE = new Set(["", "*"]);
/** Zero as inet_aton(3) reads it: one to four parts, each decimal, octal or hexadecimal. */
const ZERO_IPV4 = /^(0+|0x0+)(\.(0+|0x0+)){0,3}$/i;
/** As the URL standard writes them: unspecified, also when it is IPv4's within IPv6. */
const ZERO_IPV6 = new Set(["::", "::ffff:0:0"]);
/** 127.0.0.0/8 within IPv6. */
const MAPPED_LOOPBACK = /^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/;

/** 127.0.0.0/8 in four decimal parts, ::1 in any spelling, localhost. Every interface (0.0.0.0, ::) is not loopback. */
export function isLoopback(host: string): boolean {
  const bare = bareHost(host).toLowerCase();
  if (isIPv4(bare)) return bare.startsWith("127.");
  const ipv6 = canonicalIPv6(bare);
  return bare === "localhost" || ipv6 === "::1" || (ipv6 !== undefined && MAPPED_LOOPBACK.test(ipv6));
}

/** Listening there is listening on each address; nobody can be asked there. */
export function isEveryInterface(host: string): boolean {
  const bare = bareHost(host);
  return EVERYWHERE.has(bare) || ZERO_IPV4.test(bare) || ZERO_IPV6.has(canonicalIPv6(bare) ?? "none");
}

/** An IPv6 address without its brackets. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

/** One spelling for each address, the zone aside; undefined for what is no IPv6 address. */
function canonicalIPv6(bare: string): string | undefined {
  if (!isIPv6(bare)) return undefined;
  return bareHost(new URL(`http://[${bare.replace(/%.*$/s, "")}]/`).hostname);
}

/**
 * What may not come behind a body (RFC 9110, 6.5.1), whatever version of HTTP carries it: framing, routing, rights, how the body is
 * to be read, and who the client is. Whoever joins trailers with the head would take their word.
 */

/** Of one hop, or about the message itself. */
const OF_MESSAGE = [
  ...["content-length", "content_length", "transfer-encoding", "transfer_encoding", "connection", "keep-alive"],
  ...["proxy-connection", "host", "te", "trailer", "upgrade", "expect", "max-forwards", "range", "content-range"],
  ...["content-type", "content-encoding", "cache-control", "location", "age", "date"],
];
const OF_RIGHTS = ["authorization", "proxy-authorization", "www-authenticate", "cookie", "set-cookie"];
/** What gateways say of clients: to be believed only from a gateway, and those say it in heads. */
const OF_CLIENT = [
  ...["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"],
  ...["x-real-ip", "via"],
];

const NO_TRAILER: ReadonlySet<string> = new Set([...OF_MESSAGE, ...OF_RIGHTS, ...OF_CLIENT]);

export function isTrailerName(name: string): boolean {
  return !NO_TRAILER.has(name);
}

/**
 * The header of the PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): where a connection came from, as the proxy before
 * us says. Strict, for whoever misreads it takes one client for another: one form of each number, one blank, no other families than TCP.
 */
import { formatAddress, parseAddress } from "../../../base/ip-address.ts";

/** `sizeBytes`: what of the bytes was the header. Without a source it is about the proxy itself (a health check), or it does not know. */
export type ProxyHeader =
  | { readonly kind: "more" }
  | { readonly kind: "bad"; readonly fault: string }
  | {
      readonly kind: "header";
      readonly sizeBytes: number;
      readonly source: { readonly address: string; readonly port: number } | undefined;
    };

/** The specification's own bound of version 1. */
const V1_BYTES_MAX = 107;
/** Addresses take 36 bytes; what proxies add (names, certificates' subjects, ids of clouds) some hundreds. */
export const V2_BYTES_MAX = 2_048;
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V1_START = Buffer.from("PROXY ", "latin1");
const V2_HEAD_BYTES = 16;
/** Two addresses and two ports. */
const V4_BYTES = 12;
const V6_BYTES = 36;
const ADDITION_HEAD_BYTES = 3;
const MORE: ProxyHeader = { kind: "more" };
const PORT = /^(0|[1-9]\d{0,4})$/;

/** The first bytes of a connection, all that have come. */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader {
  if (begins(bytes, SIGNATURE)) return bytes.byteLength < V2_HEAD_BYTES ? MORE : readV2(Buffer.from(bytes));
  if (begins(bytes, V1_START)) return readV1(bytes);
  return bad("the connection begins with no PROXY header");
}

/** As far as there are bytes. */
function begins(bytes: Uint8Array, start: Buffer): boolean {
  const size = Math.min(bytes.byteLength, start.byteLength);
  return start.compare(bytes, 0, size, 0, size) === 0;
}

function readV1(bytes: Uint8Array): ProxyHeader {
  const text = Buffer.from(bytes.subarray(0, V1_BYTES_MAX)).toString("latin1");
  const end = text.indexOf("\r\n");
  if (end < 0) return bytes.byteLength < V1_BYTES_MAX ? MORE : bad(`it is longer than ${V1_BYTES_MAX} bytes`);
  const sizeBytes = end + 2;
  const [, family, ...words] = text.slice(0, end).split(" ");
  if (family === "UNKNOWN") return { kind: "header", sizeBytes, source: undefined };
  const [source = "", target = "", sourcePort = "", targetPort = ""] = words;
  if (words.length !== 4 || (family !== "TCP4" && family !== "TCP6")) return bad("it is no TCP4, TCP6 or UNKNOWN");
  const address = addressIn(source, family);
  if (address === undefined || addressIn(target, family) === undefined) return bad(`it has no addresses of ${family}`);
  if (!isPort(sourcePort) || !isPort(targetPort)) return bad("it has no ports");
  return { kind: "header", sizeBytes, source: { address, port: Number(sourcePort) } };
}

function addressIn(text: string, family: "TCP4" | "TCP6"): string | undefined {
  const isRight = family === "TCP4" ? !text.includes(":") : text.includes(":");
  const address = isRight ? parseAddress(text) : undefined;
  return address && formatAddress(address);
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= 65_535;
}

function readV2(bytes: Buffer): ProxyHeader {
  const [versionAndCommand = 0, family = 0] = bytes.subarray(SIGNATURE.byteLength);
  const length = bytes.readUInt16BE(V2_HEAD_BYTES - 2);
  const sizeBytes = V2_HEAD_BYTES + length;
  const command = versionAndCommand & 0x0f;
  if (versionAndCommand >> 4 !== 2 || command > 1) return bad("it is no version 2 with LOCAL or PROXY");
  if (sizeBytes > V2_BYTES_MAX) return bad(`it has ${sizeBytes} bytes; at most ${V2_BYTES_MAX} are taken`);
  if (bytes.byteLength < sizeBytes) return MORE;
  const isUnspecified = command === 0 || family === 0;
  if (isUnspecified) return { kind: "header", sizeBytes, source: undefined };
  const block = bytes.subarray(V2_HEAD_BYTES, sizeBytes);
  const source = family === 0x11 ? v4In(block) : family === 0x21 ? v6In(block) : undefined;
  if (source === undefined) return bad("it has no addresses of TCP");
  const additions = block.subarray(family === 0x11 ? V4_BYTES : V6_BYTES);
  return areWhole(additions) ? { kind: "header", sizeBytes, source } : bad("what it adds goes past its end");
}

/** Each is a type, two bytes of length, and as many of value; the last one ends where the header does. */
function areWhole(additions: Buffer): boolean {
  let at = 0;
  while (at + ADDITION_HEAD_BYTES <= additions.byteLength) at += ADDITION_HEAD_BYTES + additions.readUInt16BE(at + 1);
  return at === additions.byteLength;
}

function v4In(block: Buffer): { address: string; port: number } | undefined {
  if (block.byteLength < V4_BYTES) return undefined;
  return { address: [...block.subarray(0, 4)].join("."), port: block.readUInt16BE(8) };
}

function v6In(block: Buffer): { address: string; port: number } | undefined {
  if (block.byteLength < V6_BYTES) return undefined;
  const groups = Array.from({ length: 8 }, (_, at) => block.readUInt16BE(at * 2));
  return { address: formatAddress(groups), port: block.readUInt16BE(32) };
}

function bad(fault: string): ProxyHeader {
  return { kind: "bad", fault };
}

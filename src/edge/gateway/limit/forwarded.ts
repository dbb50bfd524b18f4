/**
 * Reads what proxies say about where a request came from: `X-Forwarded-For` and `Forwarded` (RFC 7239). Each proxy writes at the right end, so
 * they are read from there, and no further than those who wrote are believed: what stands to the left of it is anybody's.
 */
import { formatAddress, parseAddress } from "../../../base/ip-address.ts";

export interface Hop {
  /** Canonical; undefined: hidden (`unknown`, `_name`). */
  readonly address: string | undefined;
  readonly proto: "http" | "https" | undefined;
  readonly host: string | undefined;
  /** As an element of `Forwarded`. */
  readonly element: string;
}

/** Whether the hop is one that is believed about what stands to the left of it. */
export type Believes = (address: string) => boolean;

/** More hops than any honest chain has. */
const HOPS_MAX = 32;

/** `values` are the header's lines in their order. The nearest hop first; none where that is malformed. */
export function readForwardedFor(values: readonly string[], believes: Believes): readonly Hop[] {
  return readHops(values.join(","), lastComma, readAddressHop, believes);
}

export function readForwarded(values: readonly string[], believes: Believes): readonly Hop[] {
  return readHops(values.join(","), lastCommaOutsideQuotes, readElement, believes);
}

/** As an element of `Forwarded` says it. */
export function nodeOf(address: string): string {
  return address.includes(":") ? `"[${address}]"` : address;
}

function readHops(
  text: string,
  lastSeparator: (text: string, end: number) => number,
  read: (element: string) => Hop | undefined,
  believes: Believes,
): readonly Hop[] {
  const hops: Hop[] = [];
  for (let end = text.length; end >= 0 && hops.length < HOPS_MAX; ) {
    const at = lastSeparator(text, end);
    const hop = read(text.slice(at + 1, end).trim());
    if (hop === undefined) break;
    hops.push(hop);
    if (hop.address === undefined || !believes(hop.address)) break;
    end = at;
  }
  return hops;
}

function readAddressHop(text: string): Hop | undefined {
  const address = readNode(text);
  return address === undefined
    ? undefined
    : { address, proto: undefined, host: undefined, element: `for=${nodeOf(address)}` };
}

/** The last one before `end`; -1: none. */
function lastComma(text: string, end: number): number {
  return end === 0 ? -1 : text.lastIndexOf(",", end - 1);
}

/** What a client has left open at the left cannot swallow what a proxy wrote at the right: the quotes are paired from the right. */
function lastCommaOutsideQuotes(text: string, end: number): number {
  let isQuoted = false;
  for (let at = end - 1; at >= 0; at--) {
    if (text[at] === '"' && !isEscaped(text, at)) isQuoted = !isQuoted;
    else if (text[at] === "," && !isQuoted) return at;
  }
  return -1;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === "\\") slashes++;
  return slashes % 2 === 1;
}

export function readProto(text: string | undefined): "http" | "https" | undefined {
  const lower = text?.toLowerCase();
  if (lower === "http" || lower === "ws") return "http";
  return lower === "https" || lower === "wss" ? "https" : undefined;
}

/** A host with or without a port; what else could stand there is not passed on. */
export function readHost(text: string | undefined): string | undefined {
  return text !== undefined && /^([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?$/.test(text)
    ? text
    : undefined;
}

function readElement(element: string): Hop | undefined {
  const seen = new Map<string, string>();
  for (const pair of splitQuoted(element, ";") ?? [""]) {
    const match = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z-]+))\s*$/.exec(
      pair,
    );
    if (match === null) return undefined;
    const name = match[1]!.toLowerCase();
    if (seen.has(name)) return undefined;
    seen.set(name, match[3] ?? match[2]!.replace(/\\(.)/g, "$1"));
  }
  const node = seen.get("for");
  const isHidden = node === undefined || /^(unknown|_[A-Za-z0-9._-]+)(:(\d{1,5}|_[A-Za-z0-9._-]+))?$/i.test(node);
  const address = isHidden ? undefined : readNode(node);
  if (!isHidden && address === undefined) return undefined;
  return { address, proto: readProto(seen.get("proto")), host: readHost(seen.get("host")), element };
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. */
function readNode(text: string): string | undefined {
  let host = text;
  if (text.startsWith("[")) {
    const match = /^\[([0-9A-Fa-f:.]+)\](:\d{1,5})?$/.exec(text);
    if (match === null || !match[1]!.includes(":")) return undefined;
    host = match[1]!;
  } else if (text.indexOf(":") === text.lastIndexOf(":")) {
    const match = /^([0-9.]+)(:\d{1,5})?$/.exec(text);
    if (match === null) return undefined;
    host = match[1]!;
  }
  const address = parseAddress(host);
  return address && formatAddress(address);
}

/** Undefined: a quote is open at the end. */
function splitQuoted(text: string, separator: string): string[] | undefined {
  const parts: string[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (isQuoted && char === "\\") at++;
    else if (char === '"') isQuoted = !isQuoted;
    else if (char === separator && !isQuoted) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return isQuoted ? undefined : parts;
}

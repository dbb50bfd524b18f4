/**
 * Addresses as text, strictly: IPv4 as four decimal numbers, IPv6 as RFC 4291 writes it, IPv4 in IPv6 taken for what it is. Read by
 * hand, for it happens once a request. Whatever is odd (a zone, leading zeros, three numbers) is no address.
 */

/** Eight groups of sixteen bits; of IPv4 in the form `::ffff:a.b.c.d`. */
export type Address = readonly number[];

const ZERO = 48;
const NINE = 57;
const DOT = 46;
const COLON = 58;
const GROUPS = 8;
/** The longest text that can be an address. */
const ADDRESS_CHARS_MAX = 45;

export function parseAddress(text: string): Address | undefined {
  if (text.length > ADDRESS_CHARS_MAX) return undefined;
  if (text.indexOf(":") < 0) return parseV4(text, 0);
  return parseV6(text);
}

export function isV4(address: Address): boolean {
  for (let at = 0; at < 5; at++) if (address[at] !== 0) return false;
  return address[5] === 0xffff;
}

/** RFC 5952, and IPv4 as IPv4. */
export function formatAddress(address: Address): string {
  if (isV4(address)) return v4Text(address);
  const [from, length] = longestZeros(address);
  if (length < 2) return groupsText(address, 0, GROUPS);
  return `${groupsText(address, 0, from)}::${groupsText(address, from + length, GROUPS)}`;
}

/** The canonical text of an address; of what is none, undefined. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address);
}

/** What an address is counted by: IPv4 alone, IPv6 with all that share `prefix` bits, for one client has at least so many. */
export function addressKey(text: string, prefix: number): string {
  if (text.indexOf(":") < 0) return text;
  const address = parseV6(text);
  if (address === undefined) return text;
  if (isV4(address)) return v4Text(address);
  let key = "";
  for (let at = 0, bits = prefix; bits > 0; at++, bits -= 16) {
    const group = bits >= 16 ? address[at]! : address[at]! & (0xffff << (16 - bits));
    key += `${group.toString(16)}:`;
  }
  return key;
}

function parseV4(text: string, from: number): Address | undefined {
  let value = -1;
  let parts = 0;
  let high = 0;
  let low = 0;
  for (let at = from; at <= text.length; at++) {
    const code = at === text.length ? DOT : text.charCodeAt(at);
    if (code === DOT) {
      if (value < 0 || parts === 4) return undefined;
      if (parts < 2) high = high * 256 + value;
      else low = low * 256 + value;
      parts++;
      value = -1;
    } else if (code >= ZERO && code <= NINE) {
      if (value === 0) return undefined; // a leading zero: octal for some
      value = (value < 0 ? 0 : value * 10) + code - ZERO;
      if (value > 255) return undefined;
    } else return undefined;
  }
  return parts === 4 ? [0, 0, 0, 0, 0, 0xffff, high, low] : undefined;
}

function parseV6(text: string): Address | undefined {
  const groups: number[] = [];
  let gap = -1;
  let at = 0;
  if (text.charCodeAt(0) === COLON && text.charCodeAt(1) !== COLON) return undefined;
  while (at < text.length) {
    if (text.charCodeAt(at) === COLON && text.charCodeAt(at + 1) === COLON) {
      if (gap >= 0) return undefined;
      gap = groups.length;
      at += 2;
      continue;
    }
    if (at > 0 && text.charCodeAt(at - 1) !== COLON) {
      if (text.charCodeAt(at) !== COLON || at + 1 === text.length) return undefined;
      at++;
    }
    at = parseGroup(text, at, groups);
    if (at < 0 || groups.length > GROUPS) return undefined;
  }
  if (gap < 0) return groups.length === GROUPS ? groups : undefined;
  if (groups.length >= GROUPS) return undefined;
  const whole = [0, 0, 0, 0, 0, 0, 0, 0];
  const shift = GROUPS - groups.length;
  for (let place = 0; place < groups.length; place++) whole[place < gap ? place : place + shift] = groups[place]!;
  return whole;
}

/** One group, or the two of an IPv4 address at the end; gives where it ends, -1 when it is none. */
function parseGroup(text: string, from: number, groups: number[]): number {
  let value = 0;
  let at = from;
  for (; at < text.length && at < from + 5; at++) {
    const code = text.charCodeAt(at);
    if (code === COLON) break;
    if (code === DOT) return parseTail(text, from, groups);
    const digit = hexDigit(code);
    if (digit < 0 || at === from + 4) return -1;
    value = value * 16 + digit;
  }
  if (at === from) return -1;
  groups.push(value);
  return at;
}

function parseTail(text: string, from: number, groups: number[]): number {
  const v4 = parseV4(text, from);
  if (v4 === undefined) return -1;
  groups.push(v4[6]!, v4[7]!);
  return text.length;
}

function hexDigit(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function v4Text(address: Address): string {
  const high = address[6]!;
  const low = address[7]!;
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function longestZeros(address: Address): readonly [from: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  for (let at = 0; at < GROUPS; at++) {
    let end = at;
    while (end < GROUPS && address[end] === 0) end++;
    if (end - at > best[1]) best = [at, end - at];
    if (end > at) at = end;
  }
  return best;
}

function groupsText(address: Address, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) text += (at > from ? ":" : "") + address[at]!.toString(16);
  return text;
}

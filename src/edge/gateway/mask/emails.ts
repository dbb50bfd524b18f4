/**
 * Addresses of e-mail: from each @ to the left and to the right as far as an address can go (RFC 5321 without quotes). Not over `-----`: that
 * begins and ends private keys, and who hides it with an address beside it shows the key.
 */
import type { SpanFinder } from "./span-finder.ts";

const LOCAL_MAX = 64; // RFC 5321, 4.5.3.1
const DOMAIN_MAX = 253;
const PEM_DASHES = "-----";

export const findEmails: SpanFinder = (text, from, until, found) => {
  let at = text.indexOf("@", from);
  for (; at >= 0 && at < until; at = text.indexOf("@", at + 1)) {
    const start = localStart(text, at, found.at(-1)?.end ?? 0);
    const end = start < at ? domainEnd(text, at + 1) : -1;
    if (end >= 0) found.push({ start, end });
  }
  return at < 0 ? text.length : at;
};

function localStart(text: string, at: number, after: number): number {
  const least = Math.max(after, at - LOCAL_MAX);
  let start = at;
  while (start > least && isLocal(text.charCodeAt(start - 1))) start--;
  const from = Math.max(0, start - PEM_DASHES.length + 1); // its first dashes may be beyond what an address can have
  const dashes = text.slice(from, at).lastIndexOf(PEM_DASHES);
  if (dashes >= 0) return from + dashes + PEM_DASHES.length;
  return isWithinPair(text, start) ? start + 1 : start;
}

/** Half a character would be no text: it can be written in no form and in no UTF-8. */
function isWithinPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

/** Letters beyond ASCII count (RFC 6531). */
function isLocal(code: number): boolean {
  return (
    isAlphanumeric(code) || code >= 0x80 || (code < 0x80 && ".!#$%&'*+/=?^_`{|}~-".includes(String.fromCharCode(code)))
  );
}

function isAlphanumeric(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

/** Labels with at least one dot between them; -1: no domain. */
function domainEnd(text: string, from: number): number {
  const most = Math.min(text.length, from + DOMAIN_MAX);
  let [end, dots, labelStart] = [-1, 0, from];
  for (let at = from; at <= most; at++) {
    const code = at < most ? text.charCodeAt(at) : 0;
    if (isAlphanumeric(code) || code >= 0x80) {
      if (dots > 0) end = at + 1;
    } else if (code === 0x2e && at > labelStart) {
      dots++;
      labelStart = at + 1;
    } else if (code !== 0x2d || at === labelStart || text.startsWith(PEM_DASHES, at)) break;
  }
  return isWithinPair(text, end) ? end - 1 : end;
}

/** Secrets that programs carry: JWTs, what stands behind Bearer or Basic, keys of well-known services, private keys in PEM. */
import type { SpanFinder } from "./span-finder.ts";

/** They begin where a word begins. Behind each beginning comes one run of one class of characters: so matching is linear. */
const KEY = new RegExp(
  [
    "(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}", // Stripe
    "(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{20,}", // GitHub
    "github_pat_[A-Za-z0-9_]{20,}",
    "glpat-[A-Za-z0-9_-]{16,}", // GitLab
    "xox[abposr]-[A-Za-z0-9-]{10,}", // Slack
    "(?:AKIA|ASIA)[A-Z0-9]{16}\\b", // AWS
    "AIza[A-Za-z0-9_-]{35}", // Google
    "sk-[A-Za-z0-9_-]{20,}",
    "enc:v1:[A-Za-z0-9._-]{1,64}:[A-Za-z0-9_-]{38,}",
  ].join("|"),
  "y",
);
/** How keys begin: no other words are looked at. */
const BEGINNINGS: ReadonlySet<number> = new Set(
  ["sk", "pk", "rk", "gh", "gi", "gl", "xo", "AK", "AS", "AI", "en"].map((pair) => pairOf(pair, 0)),
);
const BEARER = /[A-Za-z0-9._~+/-]{8,}=*/y;
const BASIC = /[A-Za-z0-9+/]{8,}=*/y;
const SCHEME_LETTERS = 6;
/** Between the scheme and what it is of. */
const BLANKS_MAX = 8;
const PEM_BEGIN = "-----BEGIN ";
const PEM_END = "-----END ";
const JWT_BEGIN = "eyJ"; // {" in base64url

function pairOf(text: string, at: number): number {
  return text.charCodeAt(at) * 65_536 + text.charCodeAt(at + 1);
}

export const findKeys: SpanFinder = (text, from, until, found) => {
  let before = text.charCodeAt(from - 1);
  let isInWord = isWord(before);
  let wasBlank = isBlank(before);
  for (let at = from; at < until; at++) {
    const code = text.charCodeAt(at);
    const isPart = isWord(code);
    const isGap = isBlank(code);
    let end = -1;
    if (wasBlank && !isGap) end = credentialsEnd(text, at);
    if (end < 0 && isPart && !isInWord && BEGINNINGS.has(pairOf(text, at))) end = matchEnd(KEY, text, at);
    isInWord = isPart;
    wasBlank = isGap;
    if (end < 0) continue;
    found.push({ start: at, end });
    if (end >= until) return end;
    at = end - 1;
    before = text.charCodeAt(at);
    isInWord = isWord(before);
    wasBlank = false;
  }
  return until;
};

function matchEnd(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : -1;
}

/** What begins there, behind blanks, when `Bearer` or `Basic` stands before them. */
function credentialsEnd(text: string, at: number): number {
  let blanks = at;
  while (isBlank(text.charCodeAt(blanks - 1))) if (at - --blanks > BLANKS_MAX) return -1;
  const last = text.charCodeAt(blanks - 1) | 0x20;
  if (last !== 0x72 && last !== 0x63) return -1; // the last letters of the two
  const scheme = text.slice(Math.max(0, blanks - SCHEME_LETTERS), blanks).toLowerCase();
  if (scheme === "bearer") return isWord(text.charCodeAt(blanks - 7)) ? -1 : matchEnd(BEARER, text, at);
  if (scheme.endsWith("basic")) return isWord(text.charCodeAt(blanks - 6)) ? -1 : matchEnd(BASIC, text, at);
  return -1;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** As regular expressions see words. */
function isWord(code: number): boolean {
  return isAlphanumeric(code) || code === 0x5f;
}

function isAlphanumeric(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a);
}

export const findJwts: SpanFinder = (text, from, until, found) => {
  let at = text.indexOf(JWT_BEGIN, from);
  while (at >= 0 && at < until) {
    const header = base64End(text, at);
    const claims = text[header] === "." ? base64End(text, header + 1) : header;
    const end = text[claims] === "." ? base64End(text, claims + 1) : claims;
    if (header - at > JWT_BEGIN.length && claims > header + 1 && end > claims) found.push({ start: at, end });
    at = text.indexOf(JWT_BEGIN, Math.max(end, at + 1));
  }
  return at < 0 ? text.length : at;
};

function base64End(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBase64Url(text.charCodeAt(at))) at++;
  return at;
}

function isBase64Url(code: number): boolean {
  return isAlphanumeric(code) || code === 0x2d || code === 0x5f;
}

/** What may be private keys, or holds some, in order; one that has no end yet ends nowhere. */
export function pemSpans(text: string): readonly { readonly start: number; readonly end: number }[] {
  const spans: { start: number; end: number }[] = [];
  let start = text.indexOf(PEM_BEGIN);
  while (start >= 0) {
    const close = text.indexOf(PEM_END, start);
    const tail = close < 0 ? -1 : text.indexOf("-----", close + PEM_END.length);
    spans.push({ start, end: tail < 0 ? Number.POSITIVE_INFINITY : tail + 5 });
    start = tail < 0 ? -1 : text.indexOf(PEM_BEGIN, tail); // its last dashes may be the first of the next
  }
  return spans;
}

/** One without an end goes to the end of the text: better too much hidden than a key shown. */
export const findPrivateKeys: SpanFinder = (text, from, until, found) => {
  let at = text.indexOf(PEM_BEGIN, from);
  while (at >= 0 && at < until) {
    const label = text.slice(at + PEM_BEGIN.length, at + PEM_BEGIN.length + 40).split("-----", 1)[0]!;
    const close = label.endsWith("PRIVATE KEY") ? text.indexOf(PEM_END, at) : -2;
    const tail = close < 0 ? -1 : text.indexOf("-----", close + PEM_END.length);
    const end = close === -2 ? at : tail < 0 ? text.length : tail + 5;
    if (end > at) found.push({ start: at, end });
    at = text.indexOf(PEM_BEGIN, Math.max(end, at + 1));
  }
  return at < 0 ? text.length : at;
};

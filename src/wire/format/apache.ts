/**
 * Apache access logs, common and combined, to JSON text. The fields: host, ident, user, time (ISO 8601, UTC), method, path,
 * protocol, status, bytes, and for combined lines referrer and agent. `-` becomes null. Real logs are untidy, so: a request
 * that is no request line is kept as `request`, text behind the agent as `extra`, a cut-off agent as far as it goes.
 * A line that lacks what every access log has (host, time, request, status) is malformed.
 */

import { unescapeLog } from "./apache-escape.ts";
import { logTimeToIso } from "./apache-time.ts";
import { Conversion, type Converted } from "./conversion.ts";
import { type JsonText, keyBytes } from "./json-text.ts";

const SPACE = 32;
const QUOTE = 34;
const BACKSLASH = 92;
const CLOSING_BRACKET = 93;

const KEYS = {
  host: keyBytes("host", "{"),
  ident: keyBytes("ident", ","),
  user: keyBytes("user", ","),
  time: keyBytes("time", ","),
  method: keyBytes("method", ","),
  path: keyBytes("path", ","),
  protocol: keyBytes("protocol", ","),
  request: keyBytes("request", ","),
  status: keyBytes("status", ","),
  bytes: keyBytes("bytes", ","),
  referrer: keyBytes("referrer", ","),
  agent: keyBytes("agent", ","),
  extra: keyBytes("extra", ","),
} as const;
const NULL = Buffer.from("null");

/** All keys, nulls and punctuation of a record, with room to spare. */
const RECORD_BYTES_MAX = 256;
/** "17/May/2015:10:05:03 +0000" */
const TIME_BYTES = 26;

export function apacheToJson(bytes: Uint8Array, line: number): Converted {
  const conversion = new Conversion(bytes);
  const reader = new LogReader(bytes, conversion.out);
  conversion.lines(line, true, (from, to) => reader.line(from, to));
  return conversion.done();
}

class LogReader {
  readonly #bytes: Uint8Array;
  readonly #out: JsonText;
  #at = 0;
  #to = 0;
  #lastTime = "";
  #lastIso: string | undefined;

  constructor(bytes: Uint8Array, out: JsonText) {
    this.#bytes = bytes;
    this.#out = out;
  }

  /** Writes one line as an object; returns why it is malformed. */
  line(from: number, to: number): string | undefined {
    this.#out.reserve(RECORD_BYTES_MAX, to - from);
    this.#at = from;
    this.#to = to;
    const reason = this.#who() ?? this.#time() ?? this.#request() ?? this.#reply();
    if (reason !== undefined) return reason;
    this.#client();
    this.#out.byte(125);
    return undefined;
  }

  /** host, ident and user; a user may hold spaces, so it ends at ` [`. */
  #who(): string | undefined {
    const host = this.#find(SPACE, this.#at);
    const ident = host < 0 ? -1 : this.#find(SPACE, host + 1);
    const user = ident < 0 ? -1 : this.#endOfUser(ident + 1);
    if (host === this.#at || user < 0) return "expected: host, ident and user, then the time in brackets";
    this.#text(KEYS.host, this.#at, host);
    this.#text(KEYS.ident, host + 1, ident);
    this.#text(KEYS.user, ident + 1, user);
    this.#at = user + 2;
    return undefined;
  }

  #endOfUser(from: number): number {
    for (let at = this.#find(SPACE, from); at >= 0; at = this.#find(SPACE, at + 1)) {
      if (at + 1 < this.#to && this.#bytes[at + 1] === 91) return at;
    }
    return -1;
  }

  #time(): string | undefined {
    const end = this.#find(CLOSING_BRACKET, this.#at);
    const iso = end - this.#at === TIME_BYTES ? this.#iso(latin1(this.#bytes, this.#at, end)) : undefined;
    if (iso === undefined) return "the time is not of the form [17/May/2015:10:05:03 +0000]";
    this.#key(KEYS.time);
    this.#out.string(Buffer.from(iso, "latin1"), 0, iso.length);
    this.#at = end + 1;
    return undefined;
  }

  /** Lines that share a second share the answer. */
  #iso(text: string): string | undefined {
    if (text !== this.#lastTime) {
      this.#lastTime = text;
      this.#lastIso = logTimeToIso(text);
    }
    return this.#lastIso;
  }

  #request(): string | undefined {
    if (this.#bytes[this.#at] !== SPACE || this.#bytes[this.#at + 1] !== QUOTE)
      return "no quoted request behind the time";
    const from = this.#at + 2;
    const to = this.#closingQuote(from);
    if (to < 0 || from > this.#to) return "the request is never closed by a quote";
    if (!this.#requestLine(from, to)) this.#quoted(KEYS.request, from, to);
    this.#at = to + 1;
    return undefined;
  }

  /** METHOD path [protocol]; a path may hold spaces. False when it is nothing like that. */
  #requestLine(from: number, to: number): boolean {
    const bytes = this.#bytes;
    let method = from;
    while (method < to && bytes[method]! >= 65 && bytes[method]! <= 90) method++;
    if (method === from || method + 1 >= to || bytes[method] !== SPACE || bytes[method + 1] === SPACE) return false;
    let last = to - 1;
    while (last > method && bytes[last] !== SPACE) last--;
    const hasProtocol = last > method + 1 && latin1(bytes, last + 1, Math.min(to, last + 6)) === "HTTP/";
    this.#text(KEYS.method, from, method);
    this.#quoted(KEYS.path, method + 1, hasProtocol ? last : to);
    if (hasProtocol) this.#quoted(KEYS.protocol, last + 1, to);
    else this.#null(KEYS.protocol);
    return true;
  }

  #reply(): string | undefined {
    if (!this.#number(KEYS.status)) return "the status behind the request is not a number or -";
    return this.#number(KEYS.bytes) ? undefined : "the bytes behind the status are not a number or -";
  }

  /** ` 200` or ` -`. */
  #number(key: Uint8Array): boolean {
    const from = this.#at + 1;
    if (from >= this.#to || this.#bytes[this.#at] !== SPACE) return false;
    const space = this.#find(SPACE, from);
    const to = space < 0 ? this.#to : space;
    this.#at = to;
    if (this.#isDash(from, to)) {
      this.#null(key);
      return true;
    }
    if (!isWholeNumber(this.#bytes, from, to)) return false;
    this.#key(key);
    this.#out.raw(this.#bytes, from, to);
    return true;
  }

  /** referrer, agent and whatever else stands behind them. */
  #client(): void {
    if (!this.#clientText(KEYS.referrer) || !this.#clientText(KEYS.agent)) return;
    const from = this.#bytes[this.#at] === SPACE ? this.#at + 1 : this.#at;
    if (from < this.#to) this.#text(KEYS.extra, from, this.#to);
  }

  #clientText(key: Uint8Array): boolean {
    const from = this.#at + 2;
    if (from > this.#to) return false;
    if (this.#bytes[this.#at] !== SPACE || this.#bytes[this.#at + 1] !== QUOTE) {
      const rest = this.#bytes[this.#at] === SPACE ? this.#at + 1 : this.#at;
      if (key === KEYS.referrer) this.#text(KEYS.extra, rest, this.#to);
      return key !== KEYS.referrer;
    }
    const to = this.#closingQuote(from);
    this.#quoted(key, from, to < 0 ? this.#to : to);
    this.#at = to < 0 ? this.#to : to + 1;
    return true;
  }

  #text(key: Uint8Array, from: number, to: number): void {
    this.#key(key);
    if (this.#isDash(from, to)) this.#out.raw(NULL, 0, NULL.length);
    else this.#out.string(this.#bytes, from, to);
  }

  /** As `#text`, with the log's escapes undone. */
  #quoted(key: Uint8Array, from: number, to: number): void {
    const backslash = this.#find(BACKSLASH, from);
    const plain = backslash < 0 || backslash >= to ? undefined : unescapeLog(this.#bytes.subarray(from, to));
    if (plain === undefined) {
      this.#text(key, from, to);
      return;
    }
    this.#key(key);
    this.#out.string(plain, 0, plain.length);
  }

  #null(key: Uint8Array): void {
    this.#key(key);
    this.#out.raw(NULL, 0, NULL.length);
  }

  #key(key: Uint8Array): void {
    this.#out.raw(key, 0, key.length);
  }

  #isDash(from: number, to: number): boolean {
    return to - from === 1 && this.#bytes[from] === 45;
  }

  #closingQuote(from: number): number {
    for (let at = from; at < this.#to; at++) {
      if (this.#bytes[at] === QUOTE) return at;
      if (this.#bytes[at] === BACKSLASH) at++;
    }
    return -1;
  }

  #find(byte: number, from: number): number {
    for (let at = from; at < this.#to; at++) if (this.#bytes[at] === byte) return at;
    return -1;
  }
}

/** Digits without leading zeros, so that the text is a JSON integer as it stands. */
function isWholeNumber(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! < 48 || bytes[at]! > 57) return false;
  return to > from && (to - from === 1 || bytes[from] !== 48);
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
}

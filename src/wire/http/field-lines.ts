/**
 * The lines of a head (or of trailers), however they are cut into chunks: a start line, fields, an empty line. A line ends with CRLF and with
 * nothing else; it is looked at once it is whole, so that the same bytes give the same result whatever the chunks are. What
 * belongs to one connection is kept apart from what is passed on.
 */
import { CAPITAL, TOKEN, VALUE } from "./characters.ts";
import { HttpFault, malformed, shown } from "./fault.ts";
import type { HeaderList } from "./words.ts";

export interface HeadLimits {
  /** Of a whole head, line ends and all. */
  readonly headerBytesMax: number;
  /** Fields. */
  readonly headersMax: number;
  readonly targetBytesMax: number;
}

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const END_OF_HEAD = "\r\n\r\n";
/** Before a start line. Old clients send one behind a body, people who type requests two; more of them are noise. */
const EMPTY_LINES_MAX = 4;
/** A chunk of this length or less is taken for a head as a whole: cheaper than to look for the head's end first. */
const SMALL_CHUNK_BYTES = 2_048;

/** Of a head; trailers have none. */
export interface StartLine {
  /** With its line end. */
  readonly startBytesMax: number;
  startTooLong(): HttpFault;
  /** The line, without its end; throws `HttpFault`. */
  onStart(line: string): void;
}

export class FieldLines {
  /** What is passed on, in order. */
  headers: HeaderList = [];
  isComplete = false;
  // What belongs to this connection; undefined: there was none. Several of one name are joined as lists are.
  host: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  connection: string | undefined;
  upgrade: string | undefined;
  expect: string | undefined;
  te: string | undefined;
  /** There were several of these, or one that looks so: no two parsers agree about such a head. */
  doubt: string | undefined;
  /** Of these, too, there may be one only; but many servers send two. */
  contentTypes = 0;

  readonly #limits: HeadLimits;
  readonly #start: StartLine | undefined;
  #hasStart: boolean;
  /** So many empty lines are let be. */
  #emptyLeft: number;
  #partial = "";
  #bytes = 0;
  #count = 0;

  /** `skipsEmpty`: a few empty lines before the start line are no fault (RFC 9112, 2.2). */
  constructor(limits: HeadLimits, start: StartLine | undefined, skipsEmpty: boolean) {
    this.#limits = limits;
    this.#start = start;
    this.#hasStart = start === undefined;
    this.#emptyLeft = skipsEmpty ? EMPTY_LINES_MAX : 0;
  }

  /** Nothing has come yet. */
  get isUntouched(): boolean {
    return this.#bytes === 0 && this.#partial === "";
  }

  /** Takes what belongs to the head; gives back where the chunk goes on. Throws `HttpFault`. */
  feed(chunk: Buffer, from: number): number {
    const room = this.#limits.headerBytesMax - this.#bytes - this.#partial.length;
    const end = Math.min(endOfHead(chunk, from), from + room + 1);
    if (this.#partial !== "" && chunk.indexOf(LF, from) < 0) {
      this.#partial += chunk.toString("latin1", from, end);
      this.#checkPartial(0);
      return end;
    }
    const before = this.#partial.length;
    const text =
      before === 0 ? chunk.toString("latin1", from, end) : this.#partial + chunk.toString("latin1", from, end);
    this.#partial = "";
    const parsed = this.#parse(text);
    if (this.isComplete) return from + parsed - before;
    this.#partial = text.slice(parsed);
    this.#checkPartial(0);
    return end;
  }

  /** Whole lines of the text; gives back how much of it they are. */
  #parse(text: string): number {
    let at = 0;
    for (;;) {
      const end = text.indexOf("\n", at);
      if (end < 0) return at;
      if (end === at || text.charCodeAt(end - 1) !== CR) this.#refuseLineEnd(end + 1 - at);
      this.#checkPartial(end + 1 - at);
      this.#bytes += end + 1 - at;
      if (end - 1 > at) this.#line(text, at, end - 1);
      else if (this.#hasStart) this.isComplete = true;
      else if (this.#emptyLeft-- === 0) throw malformed("empty_start", "the head begins with empty lines");
      at = end + 1;
      if (this.isComplete) return at;
    }
  }

  #line(text: string, from: number, to: number): void {
    if (this.#hasStart) return this.#field(text, from, to);
    this.#hasStart = true;
    this.#start!.onStart(text.slice(from, to));
  }

  #field(text: string, from: number, to: number): void {
    if (++this.#count > this.#limits.headersMax) throw tooMany(this.#limits.headersMax);
    let at = from;
    let kinds = 0;
    for (let kind = TOKEN[text.charCodeAt(at)]!; kind; kind = TOKEN[text.charCodeAt(++at)]!) kinds |= kind;
    if (at === from || text.charCodeAt(at) !== COLON) throw badName(text, from, to);
    const name = kinds & CAPITAL ? text.slice(from, at).toLowerCase() : text.slice(from, at);
    this.#put(name, trimmed(text, at + 1, to));
  }

  /** By length first: most names are none of these. */
  #put(name: string, value: string): void {
    switch (name.length) {
      case 2:
        if (name === "te") {
          this.te = joined(this.te, value);
          return;
        }
        break;
      case 4:
        if (name === "host") return this.#putHost(value);
        break;
      case 6:
        if (name === "expect") {
          this.expect = joined(this.expect, value);
          return;
        }
        break;
      case 7:
        if (name === "upgrade") {
          this.upgrade = joined(this.upgrade, value);
          return;
        }
        if (name === "trailer") return;
        break;
      case 10:
        if (name === "connection") {
          this.connection = joined(this.connection, value);
          return;
        }
        if (name === "keep-alive") return;
        break;
      case 12:
        if (name === "content-type") this.contentTypes++;
        break;
      case 14:
        if (name === "content-length") return this.#putLength(value);
        if (name === "content_length") this.doubt ??= name;
        break;
      case 16:
        if (name === "proxy-connection") return;
        break;
      case 17:
        if (name === "transfer-encoding") {
          this.transferEncoding = joined(this.transferEncoding, value);
          return;
        }
        if (name === "transfer_encoding") this.doubt ??= name;
        break;
    }
    this.headers.push(name, value);
  }

  #putHost(value: string): void {
    if (this.host !== undefined) this.doubt ??= "several host";
    this.host = value;
  }

  #putLength(value: string): void {
    if (this.contentLength !== undefined) this.doubt ??= "several content-length";
    this.contentLength = value;
    this.headers.push("content-length", value);
  }

  /** `extra` bytes beyond what was counted are there, or the partial line is. */
  #checkPartial(extra: number): void {
    const length = extra || this.#partial.length;
    if (!this.#hasStart && length > this.#start!.startBytesMax) throw this.#start!.startTooLong();
    if (this.#bytes + length > this.#limits.headerBytesMax) throw tooLarge(this.#limits.headerBytesMax);
  }

  #refuseLineEnd(length: number): never {
    this.#checkPartial(length);
    throw malformed("bare_lf", "a line ends with LF alone, CRLF is required");
  }
}

/** Behind the empty line, as far as the chunk knows it. */
function endOfHead(chunk: Buffer, from: number): number {
  if (chunk.length - from <= SMALL_CHUNK_BYTES) return chunk.length;
  const seen = chunk.indexOf(END_OF_HEAD, from, "latin1");
  return seen < 0 ? chunk.length : seen + END_OF_HEAD.length;
}

/** Between blanks; each character is looked at. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  for (let at = start; at < end; at++) if (!VALUE[text.charCodeAt(at)]) throw badValue(text, at);
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`;
}

function badName(text: string, from: number, to: number): HttpFault {
  const line = text.slice(from, to);
  if (isBlank(line.charCodeAt(0)))
    return malformed("folded", `the line ${shown(line)} begins with a blank: folded fields are not allowed`);
  const colon = line.indexOf(":");
  if (colon < 0) return malformed("no_colon", `the line ${shown(line)} has no colon, "name: value" is required`);
  const isBlankBefore = colon > 0 && isBlank(line.charCodeAt(colon - 1));
  const rule = isBlankBefore ? "blank_before_colon" : "bad_name";
  return malformed(rule, `the field name ${shown(line.slice(0, colon))} is no token`);
}

function badValue(text: string, at: number): HttpFault {
  const code = text.charCodeAt(at);
  const rule = code === CR ? "bare_cr" : "bad_value";
  return malformed(rule, `a field value holds the character 0x${code.toString(16).padStart(2, "0")}`);
}

function tooMany(max: number): HttpFault {
  return new HttpFault(431, "http.head_too_large", "too_many_fields", `the head has more than ${max} fields`);
}

function tooLarge(max: number): HttpFault {
  return new HttpFault(431, "http.head_too_large", "head_bytes", `the head has more than ${max} bytes`);
}

/**
 * Heads of HTTP/1 as bytes. One writer is used again and again: what it gives back is valid until it is asked for the next head, so
 * whoever keeps it copies it. Each character is looked at on its way out: values come from rewriting, rules and other
 * protocols, and a line end among them would be a second message. Framing and what belongs to one hop is the writer's own.
 */
import { Failure } from "../../base/errors.ts";
import { CAPITAL, PATH, QUERY, TOKEN, VALUE } from "./characters.ts";
import { shown } from "./fault.ts";
import { CHUNKED } from "./framing.ts";
import { reasonOf } from "./reasons.ts";
import type { HeaderList } from "./words.ts";

/** What the writer adds to a reply. */
export interface ReplyFraming {
  /** A length, `CHUNKED`, `UNTIL_CLOSE`, or `NO_LENGTH`: nothing is said (HEAD, 204, 304, 1xx), and what the fields say of a length stays. */
  readonly length: number;
  /** `connection: close`, or for clients of HTTP/1.0 that asked for it `keep-alive`. */
  readonly connection?: "close" | "keep-alive" | "upgrade" | undefined;
  /** With `connection: upgrade`. */
  readonly protocol?: string | undefined;
  /** Said where the fields have no `date`. */
  readonly date?: string | undefined;
}

/** What the writer adds to a request. `length` undefined: there is no body and nothing is said of it. */
export interface RequestFraming {
  readonly length: number | undefined;
  readonly connection?: "close" | "upgrade" | undefined;
  readonly protocol?: string | undefined;
  readonly acceptsTrailers?: boolean | undefined;
}

export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly headers: HeaderList;
}

export const NO_LENGTH = -3;

/** Most heads are smaller; the buffer grows and stays so. */
const FIRST_SIZE = 4_096;
/** Larger ones are given up after use: one huge head must not stay in memory. */
const KEPT_SIZE_MAX = 64 * 1_024;

/** Whatever else a connection became (h2c, …), nobody here could look into it: requests would pass unseen. */
const UPGRADE = "websocket";

const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;

export class HeadWriter {
  /** No Buffer: `slice` of one does not copy, and whoever keeps a head takes a slice of it. */
  #bytes = new Uint8Array(FIRST_SIZE);
  #at = 0;
  /** By length, up to `FIRST_SIZE`: heads of one length come again and again, and to make a view costs more than to write a field. */
  #views: Uint8Array[] = [];
  /** Among the fields that were written. */
  #hasDate = false;
  /** The date that was said last, and its line: the next reply has the same one. */
  #dateText = "";
  #dateLine = new Uint8Array(0);
  /** By status. */
  readonly #statusLines: string[] = [];

  /** A reply's head. Throws `gateway.bad_header`. */
  reply(status: number, headers: HeaderList, framing: ReplyFraming): Uint8Array {
    this.#begin();
    if (!(status >= 100 && status <= 999)) throw badHeader(`the status ${status} is none from 100 to 999`);
    this.#text(this.#statusLine(status));
    this.#fields(headers, framing.length !== NO_LENGTH || status < 200 || status === 204);
    if (framing.date !== undefined && !this.#hasDate) this.#date(framing.date);
    this.#framing(framing.length);
    this.#connection(framing.connection, framing.protocol);
    return this.#end();
  }

  /** A request's head. Throws `gateway.bad_header`. */
  request(line: RequestLine, framing: RequestFraming): Uint8Array {
    this.#begin();
    const { authority, headers, method, target } = line;
    this.#checked(method, TOKEN, "method");
    this.#put(SPACE);
    this.#target(target);
    this.#text(" HTTP/1.1\r\nhost: ");
    this.#checked(authority, VALUE, "host");
    this.#text("\r\n");
    this.#fields(headers, true);
    if (framing.length !== undefined) this.#framing(framing.length);
    if (framing.acceptsTrailers) this.#text("te: trailers\r\n");
    if (framing.connection !== undefined || !framing.acceptsTrailers)
      this.#connection(framing.connection, framing.protocol);
    else this.#text("connection: te\r\n");
    return this.#end();
  }

  /** Before a chunk's bytes; `isFirst`: no chunk comes before it, whose bytes would have to be ended. */
  chunkStart(size: number, isFirst: boolean): Uint8Array {
    this.#at = 0;
    this.#text(isFirst ? size.toString(16) : `\r\n${size.toString(16)}`);
    return this.#end();
  }

  /** The end of a body in chunks. Throws `gateway.bad_header`. */
  lastChunk(trailers: HeaderList | undefined, isFirst: boolean): Uint8Array {
    this.#begin();
    this.#text(isFirst ? "0\r\n" : "\r\n0\r\n");
    if (trailers !== undefined) this.#fields(trailers, true);
    return this.#end();
  }

  #begin(): void {
    this.#at = 0;
    if (this.#bytes.length > KEPT_SIZE_MAX) this.#use(new Uint8Array(FIRST_SIZE));
  }

  #end(): Uint8Array {
    this.#text("\r\n");
    if (this.#at > FIRST_SIZE) return this.#bytes.subarray(0, this.#at);
    let view = this.#views[this.#at];
    if (view === undefined) {
      view = this.#bytes.subarray(0, this.#at);
      this.#views[this.#at] = view;
    }
    return view;
  }

  #fields(headers: HeaderList, skipsLength: boolean): void {
    this.#hasDate = false;
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!;
      if (name.length === 4 && name === "date") this.#hasDate = true;
      else if (isOfWriter(name, skipsLength)) continue;
      this.#field(name, headers[at + 1]!);
    }
  }

  /** One pass: checked and written. */
  #field(name: string, value: string): void {
    const nameLength = name.length;
    const valueLength = value.length;
    const start = this.#reserve(nameLength + valueLength + 4);
    const bytes = this.#bytes;
    let at = start;
    for (let from = 0; from < nameLength; from++) {
      const code = name.charCodeAt(from);
      if (code > 255 || !TOKEN[code] || TOKEN[code] === CAPITAL) throw badName(name);
      bytes[at++] = code;
    }
    if (nameLength === 0) throw badName(name);
    bytes[at++] = COLON;
    bytes[at++] = SPACE;
    for (let from = 0; from < valueLength; from++) {
      const code = value.charCodeAt(from);
      if (code > 255 || !VALUE[code]) throw badValue(name, value);
      bytes[at++] = code;
    }
    bytes[at++] = CR;
    bytes[at++] = LF;
    this.#at = at;
  }

  #date(text: string): void {
    if (text !== this.#dateText) {
      const start = this.#at;
      this.#field("date", text);
      this.#dateText = text;
      this.#dateLine = this.#bytes.slice(start, this.#at);
      return;
    }
    const at = this.#reserve(this.#dateLine.length);
    this.#bytes.set(this.#dateLine, at);
    this.#at = at + this.#dateLine.length;
  }

  #framing(length: number): void {
    if (length >= 0) this.#length(length);
    else if (length === CHUNKED) this.#text("transfer-encoding: chunked\r\n");
  }

  #statusLine(status: number): string {
    let line = this.#statusLines[status];
    if (line === undefined) {
      line = `HTTP/1.1 ${status} ${reasonOf(status)}\r\n`;
      this.#statusLines[status] = line;
    }
    return line;
  }

  #length(length: number): void {
    this.#text("content-length: ");
    this.#text(String(length)); // by itself: a text put together would be copied once more
    this.#text("\r\n");
  }

  #connection(connection: string | undefined, protocol: string | undefined): void {
    if (connection === undefined) return;
    this.#text(`connection: ${connection}\r\n`);
    if (connection !== "upgrade") return;
    if (protocol !== UPGRADE) throw badHeader(`an upgrade to ${shown(protocol ?? "")}, only ${UPGRADE} is known`);
    this.#field("upgrade", UPGRADE);
  }

  #target(target: string): void {
    const question = target.indexOf("?");
    const path = question < 0 ? target : target.slice(0, question);
    if (path === "") throw badHeader(`the target ${shown(target)} has no path`);
    this.#checked(path, PATH, "target");
    if (question >= 0) this.#checked(target.slice(question), QUERY, "target");
  }

  #checked(text: string, allowed: Uint8Array, what: string): void {
    let at = this.#reserve(text.length);
    for (let from = 0; from < text.length; from++) {
      const code = text.charCodeAt(from);
      if (code > 255 || !allowed[code]) throw badHeader(`the ${what} ${shown(text)} holds a forbidden character`);
      this.#bytes[at++] = code;
    }
    this.#at = at;
  }

  /** Text of ours: ASCII, and short; a call of the runtime would cost more than the loop. */
  #text(text: string): void {
    const { length } = text;
    let at = this.#reserve(length);
    const bytes = this.#bytes;
    for (let from = 0; from < length; from++) bytes[at++] = text.charCodeAt(from);
    this.#at = at;
  }

  #put(code: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = code;
    this.#at = at + 1;
  }

  #reserve(size: number): number {
    const at = this.#at;
    if (at + size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, at + size));
      larger.set(this.#bytes.subarray(0, at));
      this.#use(larger);
    }
    return at;
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#views = [];
  }
}

/** What only the writer says. By length first: most names are none of these. */
function isOfWriter(name: string, skipsLength: boolean): boolean {
  switch (name.length) {
    case 2:
      return name === "te";
    case 4:
      return name === "host";
    case 7:
      return name === "upgrade" || name === "trailer";
    case 10:
      return name === "connection" || name === "keep-alive";
    case 14:
      return name === "content-length" && skipsLength;
    case 16:
      return name === "proxy-connection";
    case 17:
      return name === "transfer-encoding";
    default:
      return false;
  }
}

function badHeader(message: string): Failure {
  return new Failure("gateway.bad_header", message);
}

function badName(name: string): Failure {
  return badHeader(`the field name ${shown(name)} is no token in lower case`);
}

function badValue(name: string, value: string): Failure {
  return badHeader(`the value ${shown(value)} of ${name} holds a forbidden character`);
}

/**
 * The fields of one block as they come out of HPACK, gathered and judged (RFC 9113, 8.2 and 8.3): pseudo fields first, each once, names in
 * lower case, nothing of one hop, no control characters, one length. A fault is remembered and the rest is dropped, for the block has
 * to be read to its end. Cookies are joined: outside of HTTP/2 there is one of them.
 */
import {
  type HeaderList,
  isAuthority,
  isOriginForm,
  isToken,
  isTrailerName,
  type ReplyHead,
  type RequestHead,
} from "../http/index.ts";
import type { FieldTaker } from "./hpack/decoder.ts";
import { KIND } from "./hpack/entry.ts";
import { ENTRY_BYTES } from "./limits.ts";
import type { Http2Limits } from "./words.ts";

/** The only protocol of an extended CONNECT: whatever else it became on its way, its bytes would pass unseen. */
const WEBSOCKET = "websocket";

export class HeadBlock implements FieldTaker {
  fields: HeaderList = [];
  /** What makes the message malformed. */
  fault: string | undefined = undefined;
  /** Larger than allowed; what it says is not whole. */
  isTooLarge = false;
  method = "";
  scheme = "";
  authority = "";
  path = "";
  protocol = "";
  status = 0;
  /** -1: not told. */
  contentLength = -1;
  readonly #limits: Http2Limits;
  #host: string | undefined;
  #cookieAt = -1;
  #contentTypes = 0;
  #hasPseudo = 0;
  #size = 0;

  constructor(limits: Http2Limits) {
    this.#limits = limits;
  }

  reset(): void {
    this.fields = [];
    this.fault = undefined;
    this.isTooLarge = false;
    this.method = "";
    this.scheme = "";
    this.authority = "";
    this.path = "";
    this.protocol = "";
    this.status = 0;
    this.contentLength = -1;
    this.#host = undefined;
    this.#cookieAt = -1;
    this.#contentTypes = 0;
    this.#hasPseudo = 0;
    this.#size = 0;
  }

  field(name: string, value: string, kind: number): void {
    this.#size += name.length + value.length + ENTRY_BYTES;
    if (this.#size > this.#limits.headerListBytesMax) this.isTooLarge = true;
    if (this.isTooLarge || this.fault !== undefined) return;
    if (kind === KIND.plain) this.#plain(name, value);
    else if (kind <= KIND.status) this.#pseudo(name, value, kind);
    else this.#special(name, value, kind);
  }

  #plain(name: string, value: string): void {
    this.fields.push(name, value);
    if (this.fields.length > this.#limits.headersMax * 2) this.isTooLarge = true;
  }

  #pseudo(name: string, value: string, kind: number): void {
    if (this.#hasPseudo & (1 << kind)) this.fault = `${name} twice`;
    else if (this.fields.length > 0) this.fault = `${name} after other fields`;
    this.#hasPseudo |= 1 << kind;
    if (kind === KIND.method) this.method = value;
    else if (kind === KIND.path) this.path = value;
    else if (kind === KIND.scheme) this.scheme = value;
    else if (kind === KIND.authority) this.authority = value;
    else if (kind === KIND.protocol) this.protocol = value;
    else this.status = statusOf(value);
  }

  #special(name: string, value: string, kind: number): void {
    if (kind === KIND.contentType) {
      this.#contentTypes++;
      this.#plain(name, value);
    } else if (kind === KIND.contentLength) this.#length(value);
    else if (kind === KIND.host) this.#setHost(value);
    else if (kind === KIND.cookie) this.#cookie(value);
    else if (kind === KIND.te) {
      if (value !== "trailers") this.fault = `te: ${value}, only trailers is allowed`;
      else this.#plain(name, value);
    } else if (kind === KIND.hop) this.fault = `${name} belongs to one hop`;
    else if (kind === KIND.doubtful) this.fault = `${name}, which some take for a field of framing`;
    else if (kind === KIND.unknownPseudo) this.fault = `${name} is no pseudo field`;
    else
      this.fault =
        kind === KIND.badName
          ? "a name with characters that are not allowed"
          : `${name} has characters that are not allowed`;
  }

  #length(value: string): void {
    if (this.contentLength >= 0) this.fault = "content-length twice";
    else this.contentLength = lengthOf(value);
    if (this.contentLength < 0) this.fault ??= `content-length ${value}`;
    this.#plain("content-length", value);
  }

  /** Kept apart: it stands for `:authority`, or repeats it. */
  #setHost(value: string): void {
    if (this.#host !== undefined) this.fault = "host twice";
    this.#host = value;
  }

  #cookie(value: string): void {
    if (this.#cookieAt < 0) {
      this.#cookieAt = this.fields.length + 1;
      this.#plain("cookie", value);
    } else this.fields[this.#cookieAt] += `; ${value}`;
  }

  #has(kind: number): boolean {
    return (this.#hasPseudo & (1 << kind)) !== 0;
  }

  /** Undefined: malformed, `fault` says why. */
  request(takesConnect: boolean): RequestHead | undefined {
    this.fault ??= this.#requestFault(takesConnect);
    if (this.fault !== undefined) return undefined;
    const { method, fields, authority } = this;
    const isConnect = method === "CONNECT";
    return {
      method,
      target: isConnect && this.protocol === "" ? authority : this.path,
      scheme: this.scheme === "https" ? "https" : "http",
      authority: authority === "" ? (this.#host ?? "") : authority,
      headers: fields,
      version: "2",
      protocol: this.protocol === "" ? undefined : this.protocol,
    };
  }

  #requestFault(takesConnect: boolean): string | undefined {
    if (this.#has(KIND.status)) return ":status in a request";
    if (this.#contentTypes > 1) return "content-type twice";
    if (!isToken(this.method)) return `:method ${this.method}`;
    if (this.#has(KIND.protocol) && (!takesConnect || this.method !== "CONNECT" || this.protocol !== WEBSOCKET))
      return ":protocol that was not offered, or without CONNECT";
    if (this.method === "CONNECT" && !this.#has(KIND.protocol)) {
      if (this.#has(KIND.scheme) || this.#has(KIND.path)) return ":scheme or :path with CONNECT";
      if (this.authority === "") return "CONNECT without :authority";
    } else {
      if (this.scheme !== "http" && this.scheme !== "https") return `:scheme ${this.scheme}`;
      if (!isPath(this.path, this.method)) return `:path ${this.path}`;
    }
    return this.#authorityFault();
  }

  #authorityFault(): string | undefined {
    const { authority } = this;
    if (this.#has(KIND.authority) && !isAuthority(authority)) return `:authority ${authority}`;
    if (this.#host === undefined) return this.#has(KIND.authority) ? undefined : "neither :authority nor host";
    if (!isAuthority(this.#host)) return `host ${this.#host}`;
    if (this.#has(KIND.authority) && this.#host.toLowerCase() !== authority.toLowerCase())
      return `host ${this.#host} beside :authority ${authority}`;
    return undefined;
  }

  reply(): ReplyHead | undefined {
    if (this.#hasPseudo !== 1 << KIND.status) this.fault ??= "not exactly :status as pseudo field";
    else if (this.status === 0 || this.status === 101) this.fault ??= ":status that is none";
    if (this.fault !== undefined) return undefined;
    if (this.#host !== undefined) this.fields.push("host", this.#host);
    return { status: this.status, headers: this.fields };
  }

  /** An extended CONNECT, whole as it is, for something that nobody here speaks: RFC 9220 (section 3) wants it told so. */
  isUnknownProtocol(takesConnect: boolean): boolean {
    if (this.protocol === WEBSOCKET || !isToken(this.protocol) || this.fault !== undefined) return false;
    const told = this.protocol;
    this.protocol = WEBSOCKET;
    const fault = this.#requestFault(takesConnect);
    this.protocol = told;
    return fault === undefined;
  }

  /** As in HTTP/1: a client's trailers that say what only a head may say are a fault. */
  requestTrailers(): HeaderList | undefined {
    const fault = this.#trailersFault();
    if (fault !== undefined) this.fault ??= fault;
    for (let at = 0; at < this.fields.length && this.fault === undefined; at += 2)
      if (!isTrailerName(this.fields[at]!)) this.fault = `${this.fields[at]} in trailers`;
    return this.fault === undefined ? this.fields : undefined;
  }

  /** A server's: the reply is nearly whole, and what may not stand there is left out (RFC 9110, 6.5.1). */
  replyTrailers(): HeaderList | undefined {
    const fault = this.#trailersFault();
    if (fault !== undefined) this.fault ??= fault;
    if (this.fault !== undefined) return undefined;
    const { fields } = this;
    const kept: HeaderList = [];
    for (let at = 0; at < fields.length; at += 2)
      if (isTrailerName(fields[at]!)) kept.push(fields[at]!, fields[at + 1]!);
    return kept;
  }

  #trailersFault(): string | undefined {
    if (this.#hasPseudo !== 0) return "a pseudo field in trailers";
    return this.contentLength >= 0 || this.#host !== undefined ? "content-length or host in trailers" : undefined;
  }
}

/** Three digits, 100 to 599; else 0. */
function statusOf(value: string): number {
  if (value.length !== 3) return 0;
  const status = lengthOf(value);
  return status >= 100 && status <= 599 ? status : 0;
}

/** Digits only; -1: it is no length. */
function lengthOf(value: string): number {
  if (value.length === 0 || value.length > 15) return -1;
  let length = 0;
  for (let at = 0; at < value.length; at++) {
    const digit = value.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

/** A path from its slash on; or `*` of OPTIONS. */
function isPath(path: string, method: string): boolean {
  return isOriginForm(path) || (path === "*" && method === "OPTIONS");
}

/**
 * Reads requests of HTTP/1.0 and 1.1 (RFC 9112), as strictly as it can be done: whatever another server might understand differently is
 * refused here and reaches nobody. Fields of this hop are taken out; what they say is told by the reader.
 */
import { areAll, isAuthority, isOriginForm, TOKEN } from "./characters.ts";
import { HttpFault, malformed, shown, unsupported } from "./fault.ts";
import type { FieldLines, HeadLimits } from "./field-lines.ts";
import { CHUNKED, connectionWords, framingOf, removeNamed } from "./framing.ts";
import { type BodyEvents, MessageReader } from "./message-reader.ts";
import type { HeaderList, RequestHead } from "./words.ts";

export interface RequestEvents extends BodyEvents {
  /** The body follows by `onData` and `onEnd`; what the reader says of the message is valid until `next`. */
  onHead(head: RequestHead): void;
}

/** The longest registered one has 17. */
const METHOD_LENGTH_MAX = 32;
/** ` HTTP/1.1` and CRLF, and the blank behind the method. */
const AROUND_TARGET = 12;

export class RequestReader extends MessageReader {
  readonly startBytesMax: number;
  /** Of the body; undefined: it comes in chunks. */
  length: number | undefined;
  /** Another request may follow on this connection. */
  keepAlive = true;
  /** The client waits for `100 Continue`. */
  expectsContinue = false;
  /** The client said that it reads trailers. */
  acceptsTrailers = false;

  readonly #events: RequestEvents;
  readonly #scheme: "http" | "https";
  #method = "";
  #target = "";
  #version: "1.0" | "1.1" = "1.1";
  #head: RequestHead | undefined;

  constructor(limits: HeadLimits, scheme: "http" | "https", events: RequestEvents) {
    super(limits, events, true);
    this.#scheme = scheme;
    this.#events = events;
    this.startBytesMax = limits.targetBytesMax + METHOD_LENGTH_MAX + AROUND_TARGET;
  }

  startTooLong(): HttpFault {
    return targetTooLong(this.limits.targetBytesMax);
  }

  onStart(line: string): void {
    const first = line.indexOf(" ");
    const last = line.lastIndexOf(" ");
    if (first <= 0 || last === first)
      throw malformed("request_line", `the request line is ${shown(line)}, "METHOD target HTTP/1.1" is required`);
    this.#method = checkedMethod(line.slice(0, first));
    this.#target = line.slice(first + 1, last);
    this.#version = versionOf(line.slice(last + 1));
    if (this.#target.length > this.limits.targetBytesMax) throw targetTooLong(this.limits.targetBytesMax);
  }

  protected framing(lines: FieldLines): number {
    const version = this.#version;
    // A body that two readers take for two things: what looks into it here might see the other one (RFC 9110, 5.3).
    if (lines.contentTypes > 1) throw malformed("doubtful_field", "the head has several content-type");
    const length = framingOf(lines, version) ?? 0;
    const words = connectionWords(lines.connection);
    removeNamed(lines.headers, words.named);
    this.keepAlive = version === "1.1" ? !words.close : words.keepAlive && !words.close;
    this.expectsContinue = expectsContinue(lines.expect, version, length);
    this.acceptsTrailers = lines.te?.toLowerCase().includes("trailers") ?? false;
    this.length = length === CHUNKED ? undefined : length;
    if (length !== 0 && this.#method === "TRACE") throw malformed("trace_body", "a TRACE request has a body");
    const isUpgrade = words.upgrade && length === 0 && this.#method === "GET" && version === "1.1";
    const protocol = isUpgrade && lines.upgrade?.toLowerCase() === "websocket" ? "websocket" : undefined;
    this.#head = this.#headOf(lines, protocol);
    return length;
  }

  #headOf(lines: FieldLines, protocol: string | undefined): RequestHead {
    const version = this.#version;
    const place = placeOf(this.#method, this.#target, this.#scheme);
    const authority = authorityOf(lines.host, place.authority, version, this.#scheme);
    const headers: HeaderList = lines.headers;
    const hop = hopOf(lines);
    const { target } = place;
    const scheme = this.#scheme;
    return { method: this.#method, target, scheme, authority, headers, version, protocol, hop };
  }

  protected tell(): boolean {
    this.#events.onHead(this.#head!);
    return true;
  }
}

function checkedMethod(method: string): string {
  if (method.length > METHOD_LENGTH_MAX || !areAll(TOKEN, method))
    throw malformed("method", `the method ${shown(method)} is no token of up to ${METHOD_LENGTH_MAX} characters`);
  if (method === "CONNECT")
    throw unsupported(405, "connect", "CONNECT is not allowed: this is no proxy for connections of any kind");
  return method;
}

function versionOf(text: string): "1.0" | "1.1" {
  if (text === "HTTP/1.1") return "1.1";
  if (text === "HTTP/1.0") return "1.0";
  const isHttp =
    text.length === 8 && text.startsWith("HTTP/") && isDigit(text, 5) && text[6] === "." && isDigit(text, 7);
  if (isHttp) throw unsupported(505, "version", `the version ${shown(text)} is not known here, HTTP/1.1 is`);
  throw malformed("version", `the version is ${shown(text)}, HTTP/1.1 is required`);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

interface Place {
  readonly target: string;
  /** Of a target in absolute form. */
  readonly authority: string | undefined;
}

function placeOf(method: string, target: string, scheme: "http" | "https"): Place {
  if (target.charCodeAt(0) === 0x2f) {
    if (isOriginForm(target)) return { target, authority: undefined };
    throw badTarget(target);
  }
  if (target === "*" && method === "OPTIONS") return { target, authority: undefined };
  return absoluteForm(method, target, scheme);
}

/** As they came, several of a name as one. */
function hopOf({ connection, expect, te, transferEncoding, upgrade }: FieldLines): HeaderList | undefined {
  if (connection === undefined && transferEncoding === undefined && expect === undefined && te === undefined)
    return upgrade === undefined ? undefined : ["upgrade", upgrade];
  const hop: HeaderList = [];
  if (connection !== undefined) hop.push("connection", connection);
  if (expect !== undefined) hop.push("expect", expect);
  if (te !== undefined) hop.push("te", te);
  if (transferEncoding !== undefined) hop.push("transfer-encoding", transferEncoding);
  if (upgrade !== undefined) hop.push("upgrade", upgrade);
  return hop;
}

/** `http://host/path`: what a client sends to a proxy. */
function absoluteForm(method: string, target: string, scheme: "http" | "https"): Place {
  const lower = target.slice(0, 8).toLowerCase();
  const start = lower.startsWith("http://") ? 7 : lower === "https://" ? 8 : 0;
  if (start === 0) throw badTarget(target);
  if ((start === 8) !== (scheme === "https"))
    throw unsupported(
      421,
      "scheme",
      `the target ${shown(target)} is of another scheme than this connection, ${scheme}`,
    );
  let end = start;
  while (end < target.length && target[end] !== "/" && target[end] !== "?") end++;
  const authority = target.slice(start, end);
  if (!isAuthority(authority)) throw malformed("authority", `the target's host is ${shown(authority)}`);
  const rest = target.slice(end);
  const path = rest === "" && method === "OPTIONS" ? "*" : rest.startsWith("/") ? rest : `/${rest}`;
  if (path !== "*" && !isOriginForm(path)) throw badTarget(target);
  return { target: path, authority };
}

function authorityOf(
  host: string | undefined,
  ofTarget: string | undefined,
  version: "1.0" | "1.1",
  scheme: "http" | "https",
): string {
  if (host === undefined) {
    if (version === "1.1") throw malformed("no_host", "the request has no host field, HTTP/1.1 requires one");
    return ofTarget ?? "";
  }
  if (!isAuthority(host)) throw malformed("host", `the host is ${shown(host)}, a name and perhaps a port is required`);
  if (ofTarget !== undefined && comparable(ofTarget, scheme) !== comparable(host, scheme))
    throw malformed("two_hosts", `the target names ${shown(ofTarget)}, the host field ${shown(host)}`);
  return host;
}

/** The port that goes without saying is the same as none (RFC 9110, 4.2.3). */
function comparable(authority: string, scheme: "http" | "https"): string {
  const lower = authority.toLowerCase();
  const port = scheme === "https" ? ":443" : ":80";
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower;
}

/** An expectation without a body is void; HTTP/1.0 knows none (RFC 9110, 10.1.1). */
function expectsContinue(expect: string | undefined, version: "1.0" | "1.1", length: number): boolean {
  if (expect === undefined || version === "1.0") return false;
  if (expect.toLowerCase() === "100-continue") return length !== 0;
  throw unsupported(417, "expect", `the request expects ${shown(expect)}, only 100-continue is known`);
}

function badTarget(target: string): HttpFault {
  return malformed("target", `the target ${shown(target)} is no path, no URL of this server and no * of OPTIONS`);
}

function targetTooLong(max: number): HttpFault {
  return new HttpFault(414, "http.target_too_long", "target_bytes", `the target has more than ${max} bytes`);
}

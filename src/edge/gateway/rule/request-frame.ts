/**
 * A request as bytes: which file decides, how long it may take, seven texts, headers, parameters, claims. Texts are bytes (latin1, as HTTP's
 * are); those with other characters in them are UTF-8.
 */
import type { RuleRequest } from "../words/index.ts";
import { DECIDE, FRAME_BYTES_MIN, writeHeader } from "./frames.ts";
import { REQUEST_BYTES_MAX } from "./limits.ts";

/** In this order. */
export const TEXT_FIELDS = ["method", "scheme", "host", "path", "query", "client", "route"] as const;

/** File, time. */
const PREFIX_BYTES = 2 + 4;
const LENGTH_BYTES = 4;
const COUNT_BYTES = 2;
const UTF8_BYTES_PER_CHAR = 3;

/** Undefined: it is larger than a rule gets to see. */
export function requestFrame(id: number, file: number, timeoutMs: number, request: RuleRequest): Buffer | undefined {
  const headers = Object.entries(request.headers);
  const params = Object.entries(request.params);
  const claims = request.claims === undefined ? "" : JSON.stringify(request.claims);
  const room = roomOf(request, headers, params, claims);
  if (room > REQUEST_BYTES_MAX) return undefined;
  const frame = Buffer.allocUnsafe(FRAME_BYTES_MIN + room);
  let at = frame.writeUInt16LE(file, FRAME_BYTES_MIN);
  at = frame.writeUInt32LE(Math.ceil(timeoutMs), at);
  for (const field of TEXT_FIELDS) at = writeText(frame, at, request[field]);
  at = writePairs(frame, at, headers);
  at = writePairs(frame, at, params);
  at = writeText(frame, at, claims);
  writeHeader(frame, DECIDE, id, at - FRAME_BYTES_MIN);
  return frame.subarray(0, at);
}

type Pairs = readonly (readonly [string, string])[];

function roomOf(request: RuleRequest, headers: Pairs, params: Pairs, claims: string): number {
  let chars = claims.length;
  for (const field of TEXT_FIELDS) chars += request[field].length;
  for (const pairs of [headers, params]) for (const [name, value] of pairs) chars += name.length + value.length;
  const texts = TEXT_FIELDS.length + 1 + 2 * (headers.length + params.length);
  return PREFIX_BYTES + 2 * COUNT_BYTES + texts * LENGTH_BYTES + chars * UTF8_BYTES_PER_CHAR;
}

function writePairs(frame: Buffer, from: number, pairs: Pairs): number {
  let at = frame.writeUInt16LE(pairs.length, from);
  for (const [name, value] of pairs) at = writeText(frame, writeText(frame, at, name), value);
  return at;
}

function writeText(frame: Buffer, at: number, text: string): number {
  const bytes = frame.write(text, at + LENGTH_BYTES, isLatin1(text) ? "latin1" : "utf8");
  return frame.writeUInt32LE(bytes, at) + bytes;
}

function isLatin1(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 255) return false;
  return true;
}

/** Reads what `requestFrame` has laid out, text by text; only its own parent's frames come here. */
export class RequestReader {
  readonly #bytes: Buffer;
  #at = PREFIX_BYTES;
  /** Of the text that was read last. */
  from = 0;
  to = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get file(): number {
    return this.#bytes.readUInt16LE(0);
  }

  get timeoutMs(): number {
    return this.#bytes.readUInt32LE(2);
  }

  nextText(): void {
    this.from = this.#at + LENGTH_BYTES;
    this.to = this.from + this.#bytes.readUInt32LE(this.#at);
    this.#at = this.to;
  }

  nextCount(): number {
    const count = this.#bytes.readUInt16LE(this.#at);
    this.#at += COUNT_BYTES;
    return count;
  }

  text(): string {
    this.nextText();
    return this.#bytes.toString("latin1", this.from, this.to);
  }

  /** The last of them. */
  claims(): Readonly<Record<string, unknown>> | undefined {
    this.nextText();
    if (this.from === this.to) return undefined;
    return JSON.parse(this.#bytes.toString("utf8", this.from, this.to)) as Readonly<Record<string, unknown>>; // our parent wrote it
  }
}

export function readRequest(bytes: Buffer): RuleRequest {
  const reader = new RequestReader(bytes);
  const [method, scheme, host, path, query, client, route] = TEXT_FIELDS.map(() => reader.text());
  const headers = readPairs(reader);
  const params = readPairs(reader);
  const texts = { method, scheme, host, path, query, client, route } as Record<(typeof TEXT_FIELDS)[number], string>;
  const claims = reader.claims();
  return { ...texts, headers, params, ...(claims !== undefined && { claims }) };
}

function readPairs(reader: RequestReader): Record<string, string> {
  const pairs: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let left = reader.nextCount(); left > 0; left--) {
    const name = reader.text();
    pairs[name] = reader.text();
  }
  return pairs;
}

/**
 * A field in a table, with what is known of it once and for all: what kind of field it is, and whether a message may have it. So
 * an indexed field costs no look at its characters.
 */
import { ENTRY_BYTES } from "../limits.ts";

/** What a field means to HTTP/2 itself. */
export const KIND = {
  plain: 0,
  method: 1,
  scheme: 2,
  authority: 3,
  path: 4,
  protocol: 5,
  status: 6,
  contentLength: 7,
  host: 8,
  cookie: 9,
  te: 10,
  contentType: 11,
  /** Of one hop: a message with it is malformed. */
  hop: 12,
  /** A pseudo field that does not exist. */
  unknownPseudo: 13,
  /** Characters that its name or its value must not have. */
  badName: 14,
  badValue: 15,
  /** Some servers take it for a field of framing (CGI writes `_` for `-`): refused, as in HTTP/1. */
  doubtful: 16,
} as const;

const KINDS: ReadonlyMap<string, number> = new Map([
  [":method", KIND.method],
  [":scheme", KIND.scheme],
  [":authority", KIND.authority],
  [":path", KIND.path],
  [":protocol", KIND.protocol],
  [":status", KIND.status],
  ["content-length", KIND.contentLength],
  ["host", KIND.host],
  ["cookie", KIND.cookie],
  ["te", KIND.te],
  ["content-type", KIND.contentType],
  ["connection", KIND.hop],
  ["keep-alive", KIND.hop],
  ["proxy-connection", KIND.hop],
  ["transfer-encoding", KIND.hop],
  ["upgrade", KIND.hop],
  ["content_length", KIND.doubtful],
  ["transfer_encoding", KIND.doubtful],
]);

export class HpackEntry {
  readonly name: string;
  readonly value: string;
  readonly kind: number;
  /** As the tables count. */
  readonly size: number;

  constructor(name: string, value: string, kind = kindOf(name, value)) {
    this.name = name;
    this.value = value;
    this.kind = kind;
    this.size = name.length + value.length + ENTRY_BYTES;
  }
}

export function kindOf(name: string, value: string): number {
  const kind = kindOfName(name);
  return kind < KIND.hop && !isGoodValue(value) ? KIND.badValue : kind;
}

/** Without a look at the value. */
export function kindOfName(name: string): number {
  const kind = KINDS.get(name);
  if (kind !== undefined) return kind;
  if (name.charCodeAt(0) === 0x3a) return KIND.unknownPseudo;
  return isGoodName(name) ? KIND.plain : KIND.badName;
}

/** By character: 1: may stand in a name (a token in lower case); 2: in a value; 3: both. */
const CLASSES = classes();

function classes(): Uint8Array {
  const table = new Uint8Array(256);
  // Visible characters and blanks, and what lies beyond ASCII; no other control characters than the tabulator.
  for (let code = 0x20; code < 256; code++) if (code !== 0x7f) table[code] = 2;
  table[0x09] = 2;
  for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") table[char.charCodeAt(0)] = 3;
  return table;
}

function isGoodName(name: string): boolean {
  if (name.length === 0) return false;
  for (let at = 0; at < name.length; at++) if ((CLASSES[name.charCodeAt(at)] ?? 0) !== 3) return false;
  return true;
}

/** No control characters, no blanks at its ends. */
export function isGoodValue(value: string): boolean {
  const { length } = value;
  if (length === 0) return true;
  if (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(length - 1))) return false;
  for (let at = 0; at < length; at++) if ((CLASSES[value.charCodeAt(at)] ?? 0) < 2) return false;
  return true;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Records of the simulated log: length, checksum, content. Reading ends at the first one that is not what was written. */
import type { Configuration, Entry, HardState, SnapshotInfo } from "../../../src/protocol/raft/index.ts";

export interface LogRecord {
  readonly hardState?: HardState | undefined;
  /** The log begins behind this entry; whatever was before is gone. */
  readonly base?: { readonly index: number; readonly term: number } | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot?: SnapshotInfo | undefined;
  readonly image?: Uint8Array | undefined;
  /** The image is a piece of one, from here on. */
  readonly offset?: number | undefined;
}

const HEAD_BYTES = 8;
/** index, term, kind, length of what follows. */
const ENTRY_BYTES = 13;
const KINDS = ["command", "configuration", "noop"] as const;

interface Head {
  readonly hardState?: HardState | undefined;
  readonly base?: { readonly index: number; readonly term: number } | undefined;
  readonly snapshot?: SnapshotInfo | undefined;
  readonly offset?: number | undefined;
}

export function encodeRecord({ hardState, base, entries, snapshot, image, offset }: LogRecord): Uint8Array {
  const head: Head = { hardState, base, snapshot, offset };
  const json = new TextEncoder().encode(JSON.stringify(head));
  const contents = entries.map(contentOf);
  const entryBytes = contents.reduce((sum, content) => sum + ENTRY_BYTES + content.length, 0);
  const bytes = new Uint8Array(HEAD_BYTES + 8 + json.length + entryBytes + (image?.length ?? 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(8, json.length);
  view.setUint32(12, entries.length);
  let at = HEAD_BYTES + 8;
  bytes.set(json, at);
  at += json.length;
  for (const [number, entry] of entries.entries()) at = putEntry(view, at, entry, contents[number]!);
  if (image !== undefined) bytes.set(image, at);
  view.setUint32(0, bytes.length);
  view.setUint32(4, checksum(bytes.subarray(HEAD_BYTES)));
  return bytes;
}

export function decodeRecords(bytes: Uint8Array): {
  readonly records: readonly LogRecord[];
  readonly validBytes: number;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: LogRecord[] = [];
  let at = 0;
  while (at + HEAD_BYTES + 8 <= bytes.length) {
    const size = view.getUint32(at);
    if (size < HEAD_BYTES + 8 || at + size > bytes.length) break;
    const body = bytes.subarray(at + HEAD_BYTES, at + size);
    if (view.getUint32(at + 4) !== checksum(body)) break;
    records.push(decodeBody(body));
    at += size;
  }
  return { records, validBytes: at };
}

function decodeBody(body: Uint8Array): LogRecord {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [jsonBytes, count] = [view.getUint32(0), view.getUint32(4)];
  const head = JSON.parse(new TextDecoder().decode(body.subarray(8, 8 + jsonBytes))) as Head;
  const entries: Entry[] = [];
  let at = 8 + jsonBytes;
  for (let number = 0; number < count; number++) {
    const [index, term, kind, size] = [
      view.getUint32(at),
      view.getUint32(at + 4),
      KINDS[view.getUint8(at + 8)]!,
      view.getUint32(at + 9),
    ];
    entries.push(entryOf(index, term, kind, body.slice(at + ENTRY_BYTES, at + ENTRY_BYTES + size)));
    at += ENTRY_BYTES + size;
  }
  return { ...head, entries, image: head.snapshot && body.slice(at) };
}

function putEntry(view: DataView, at: number, { index, term, kind }: Entry, content: Uint8Array): number {
  view.setUint32(at, index);
  view.setUint32(at + 4, term);
  view.setUint8(at + 8, KINDS.indexOf(kind));
  view.setUint32(at + 9, content.length);
  new Uint8Array(view.buffer).set(content, at + ENTRY_BYTES);
  return at + ENTRY_BYTES + content.length;
}

function contentOf(entry: Entry): Uint8Array {
  if (entry.kind === "command") return entry.data;
  return entry.kind === "noop" ? new Uint8Array(0) : new TextEncoder().encode(JSON.stringify(entry.configuration));
}

function entryOf(index: number, term: number, kind: Entry["kind"], content: Uint8Array): Entry {
  if (kind === "command") return { index, term, kind, data: content };
  if (kind === "noop") return { index, term, kind };
  return { index, term, kind, configuration: JSON.parse(new TextDecoder().decode(content)) as Configuration };
}

/** FNV-1a over words of four bytes, and over the rest byte by byte. */
function checksum(bytes: Uint8Array): number {
  let sum = 0x811c9dc5 | 0;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return (sum ^ (sum >>> 15)) >>> 0;
}

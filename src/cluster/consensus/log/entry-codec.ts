/** Entries as bytes: 16 of header (length, kind, term), then the data as it is. Their indexes follow from the first one's. */
import { Failure } from "../../../base/errors.ts";
import type { Configuration, Entry } from "../../../protocol/raft/index.ts";
import { decodeText, encodeText, getWhole, putWhole } from "./bytes.ts";

const HEADER_BYTES = 16;
const KINDS = ["noop", "command", "configuration"] as const;
const NOTHING = new Uint8Array(0);

/** What an entry carries, as bytes; a configuration is JSON: it is rare, and readable in a dump. */
export function contentsOf(entry: Entry): Uint8Array {
  if (entry.kind === "command") return entry.data;
  return entry.kind === "noop" ? NOTHING : encodeText(JSON.stringify(entry.configuration));
}

export function entriesSize(contents: readonly Uint8Array[]): number {
  let size = contents.length * HEADER_BYTES;
  for (const { byteLength } of contents) size += byteLength;
  return size;
}

/** Writes them from `at` on; there is room for `entriesSize`. */
export function putEntries(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  entries: readonly Entry[],
  contents: readonly Uint8Array[],
): void {
  let position = at;
  for (let place = 0; place < entries.length; place++) {
    const [entry, content] = [entries[place]!, contents[place]!];
    view.setUint32(position, content.byteLength, true);
    view.setUint32(position + 4, KINDS.indexOf(entry.kind), true);
    putWhole(view, position + 8, entry.term);
    bytes.set(content, position + HEADER_BYTES);
    position += HEADER_BYTES + content.byteLength;
  }
}

/**
 * All of `count` entries, copied out of `bytes`. Fails with `raft.log.malformed` when they are not what was written here:
 * the checksum held, so another program has written it.
 */
export function readEntries(bytes: Uint8Array, firstIndex: number, count: number): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Entry[] = [];
  let at = 0;
  for (let index = firstIndex; index < firstIndex + count; index++) {
    if (at + HEADER_BYTES > bytes.length) throw malformed(index, `${bytes.length - at} bytes are left`);
    const [size, kind, term] = [view.getUint32(at, true), KINDS[view.getUint32(at + 4, true)], getWhole(view, at + 8)];
    at += HEADER_BYTES;
    if (at + size > bytes.length) throw malformed(index, `it has ${size} bytes, ${bytes.length - at} are left`);
    if (!Number.isSafeInteger(term)) throw malformed(index, "its term is no whole number");
    entries.push(readEntry(kind, { index, term }, bytes.subarray(at, at + size)));
    at += size;
  }
  if (at !== bytes.length) throw malformed(firstIndex + count, `${bytes.length - at} bytes are too many`);
  return entries;
}

function readEntry(
  kind: Entry["kind"] | undefined,
  at: { readonly index: number; readonly term: number },
  content: Uint8Array,
): Entry {
  switch (kind) {
    case "command":
      return { ...at, kind, data: content.slice() };
    case "configuration":
      return { ...at, kind, configuration: readConfiguration(content, at.index) };
    case "noop":
      return { ...at, kind };
    default:
      throw malformed(at.index, "its kind is unknown");
  }
}

function readConfiguration(content: Uint8Array, index: number): Configuration {
  const value = parseConfiguration(decodeText(content));
  if (value === undefined) throw malformed(index, "its configuration is not readable");
  return value;
}

/** Undefined when it is none. */
function parseConfiguration(text: string): Configuration | undefined {
  return asConfiguration(parse(text));
}

export function asConfiguration(value: unknown): Configuration | undefined {
  const { voters, votersOutgoing, learners } = (value ?? {}) as Partial<Record<keyof Configuration, unknown>>; // checked here
  if (!isNames(voters) || !isNames(votersOutgoing) || !isNames(learners)) return undefined;
  return { voters, votersOutgoing, learners };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says what is wrong, with the place
  }
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function malformed(index: number, fault: string): Failure {
  return new Failure("raft.log.malformed", `reading entry ${index}: ${fault}; entries of layout 1 are required`);
}

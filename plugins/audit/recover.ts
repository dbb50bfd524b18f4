/**
 * What an audit file holds when a stage starts: the end of its chain and the batches in it. A line cut short by a crash is
 * taken away; a complete line that the head file does not know yet is legal (the crash came between the two). Whatever else
 * does not fit (a broken link, a file shorter than its head says) is refused: adding to it would bury the evidence.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync, truncateSync } from "node:fs";
import { type ChainEnd, FIRST_PREV, isSound, type ParsedLine, parseLine } from "./line.ts";

const CHUNK_BYTES = 256 * 1024;
/** A line is some 400 bytes; longer ones come of very long batch ids. Bounds what a file without newlines costs. */
const LINE_BYTES_MAX = 1024 * 1024;
/** Digests are kept for so many batches, the latest: 100 MB at most. No engine replays further back. */
export const REMEMBERED_MAX = 500_000;

export interface Recovered {
  readonly end: ChainEnd;
  /** Digest by batch id. */
  readonly digests: Map<string, string>;
}

export const EMPTY: ChainEnd = { n: -1, hash: FIRST_PREV, bytes: 0 };

export function recover(path: string): Recovered {
  const digests = new Map<string, string>();
  const head = readHead(path);
  if (!existsSync(path)) {
    if (head !== undefined) refuse(path, "it is gone, but its head file is there");
    return { end: EMPTY, digests };
  }
  let end = EMPTY;
  let atHead = EMPTY;
  let lastText = "";
  for (const text of completeLines(path)) {
    const line = parseLine(text);
    if (line === undefined) refuse(path, `line ${end.n + 2} is no audit line`);
    if (line.n !== end.n + 1 || line.prev !== end.hash)
      refuse(path, `line ${end.n + 2} does not follow the line before it`);
    end = { n: line.n, hash: line.hash, bytes: end.bytes + Buffer.byteLength(text) + 1 };
    if (line.n === head?.n) atHead = end;
    lastText = text;
    remember(digests, line);
  }
  if (end.n >= 0 && !isSound(lastText, end.hash)) refuse(path, `line ${end.n + 1} was changed: its hash does not fit`);
  checkHead(path, end, atHead, head);
  truncateSync(path, end.bytes); // a line that a crash cut short
  return { end, digests };
}

function checkHead(path: string, end: ChainEnd, atHead: ChainEnd, head: ChainEnd | undefined): void {
  if (head === undefined) {
    if (end.n > 0) refuse(path, `it has ${end.n + 1} lines but no head file`);
  } else if (head.n > end.n) refuse(path, `it ends with line ${end.n + 1}, but its head file says ${head.n + 1}`);
  else if (atHead.hash !== head.hash || atHead.bytes !== head.bytes)
    refuse(path, `line ${head.n + 1} is not the one in its head file`);
  else if (end.n > head.n + 1)
    refuse(path, `it has ${end.n - head.n} lines more than its head file says; at most one is legal`);
}

function refuse(path: string, what: string): never {
  throw new Error(
    `audit file ${path}: ${what}; it is not continued. Look at it with \`distributed_system audit verify\`, or write to another file`,
  );
}

export function remember(digests: Map<string, string>, { batch, digest }: Pick<ParsedLine, "batch" | "digest">): void {
  digests.delete(batch); // so that it counts as the latest
  digests.set(batch, digest);
  if (digests.size > REMEMBERED_MAX) digests.delete(digests.keys().next().value!);
}

function readHead(path: string): ChainEnd | undefined {
  const file = `${path}.head`;
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  try {
    const { n, hash, bytes }: Partial<ChainEnd> = JSON.parse(text);
    if (typeof n === "number" && typeof hash === "string" && typeof bytes === "number") return { n, hash, bytes };
  } catch {
    // not JSON: refused below, with its text
  }
  return refuse(path, `its head file holds ${JSON.stringify(text.slice(0, 100))}, no head`);
}

/** Lines that end with a newline, streamed; what stands behind the last newline is left out. */
function* completeLines(path: string): Generator<string> {
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest = Buffer.alloc(0);
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) {
      let from = 0;
      const bytes = rest.length === 0 ? chunk.subarray(0, read) : Buffer.concat([rest, chunk.subarray(0, read)]);
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
        yield bytes.toString("utf8", from, end);
        from = end + 1;
      }
      rest = Buffer.from(bytes.subarray(from));
      if (rest.length > LINE_BYTES_MAX) refuse(path, `it has a line of more than ${LINE_BYTES_MAX} bytes`);
    }
  } finally {
    closeSync(file);
  }
}

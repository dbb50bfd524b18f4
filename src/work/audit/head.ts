/**
 * The head file beside an audit file, `{"n","hash","bytes"}`: number and hash of the last line and the file's size with it.
 * It is put in place after each append, so it makes a cut tail visible, and may be one append behind after a kill.
 */
import { readFile, stat } from "node:fs/promises";
import { Failure, messageOf } from "../../base/errors.ts";
import type { AuditFault } from "./chain.ts";
import { isHash } from "./line.ts";

export interface Head {
  readonly n: number;
  readonly hash: string;
  readonly bytes: number;
}

/** Where the complete lines of the file end. */
export interface FileEnd {
  /** Complete lines. */
  readonly lines: number;
  /** Number of the last one that belongs to the chain; -1 when there is none. */
  readonly n: number;
  /** Bytes behind the last newline. */
  readonly tornBytes: number;
  /** The line whose number the head has, and where it ends. */
  readonly atHead?: { readonly hash: string; readonly end: number };
  /** False when lines before were changed: then they need not end where the head says. */
  readonly isWhole: boolean;
}

export interface HeadFindings {
  readonly faults: readonly AuditFault[];
  /** What a crash leaves behind and nobody has to worry about. */
  readonly notes: readonly string[];
}

const UNFINISHED = "an append was cut short behind the last line; the next start of the pipeline removes it";
const HEAD_BEHIND = "the head file is one line behind: the process ended between the two; the next append mends it";

/** Compares the file's end with its head. */
export function compareHead(head: Head | undefined, end: FileEnd): HeadFindings {
  if (head === undefined) return withoutHead(end);
  if (head.n > end.n) {
    const missing = head.n - end.n;
    const cut = end.tornBytes > 0 ? ", the first of them in part" : "";
    return fault(
      "audit.truncated",
      `the last ${missing} lines were cut off${cut}: the head file knows line number ${head.n}`,
    );
  }
  if (end.atHead?.hash !== head.hash) {
    return fault("audit.head_mismatch", `line number ${head.n} does not have the hash of the head file, ${head.hash}`);
  }
  if (end.isWhole && end.atHead.end !== head.bytes) {
    return fault(
      "audit.head_mismatch",
      `line number ${head.n} ends at byte ${end.atHead.end}, the head file says ${head.bytes}`,
    );
  }
  const beyond = end.n - head.n;
  if (beyond > 1 || (beyond === 1 && end.tornBytes > 0)) {
    return fault("audit.beyond_head", `more than one append lies behind line number ${head.n} of the head file`);
  }
  return { faults: [], notes: [...(beyond === 1 ? [HEAD_BEHIND] : []), ...(end.tornBytes > 0 ? [UNFINISHED] : [])] };
}

function withoutHead(end: FileEnd): HeadFindings {
  if (end.lines === 0) return { faults: [], notes: end.tornBytes > 0 ? [UNFINISHED] : [] };
  if (end.lines === 1 && end.n === 0 && end.tornBytes === 0) return { faults: [], notes: [HEAD_BEHIND] };
  return fault("audit.head_missing", "the head file is missing: lines may have been cut off at the end");
}

function fault(code: AuditFault["code"], message: string): HeadFindings {
  return { faults: [{ code, message }], notes: [] };
}

export interface Snapshot {
  /** Undefined when there is none; a text when it cannot be read as one. */
  readonly head: Head | string | undefined;
  /** Undefined when the file is gone. */
  readonly sizeBytes: number | undefined;
}

/** A pipeline appends every few milliseconds at most, and two looks take well under one. */
const SNAPSHOT_TRIES = 1000;

/** Head and size that belong together although a pipeline may be appending: the head did not move around the size. */
export async function takeSnapshot(path: string): Promise<Snapshot> {
  for (let tries = 0; tries < SNAPSHOT_TRIES; tries++) {
    const before = await readText(`${path}.head`);
    const sizeBytes = await sizeOf(path);
    if ((await readText(`${path}.head`)) === before) return { head: before && parseHead(before), sizeBytes };
  }
  const message = `reading ${path}: its head file changes all the time, a pause of the pipeline is required`;
  throw new Failure("audit.busy", message, { retryable: true });
}

function parseHead(text: string): Head | string {
  try {
    const { n, hash, bytes }: Partial<Head> = JSON.parse(text) ?? {};
    if (Number.isSafeInteger(n) && isHash(hash) && Number.isSafeInteger(bytes)) return { n: n!, hash, bytes: bytes! };
  } catch {
    // not JSON: reported below with its text
  }
  return JSON.stringify(text.slice(0, 100));
}

async function readText(path: string): Promise<string | undefined> {
  return await ifPresent(path, () => readFile(path, "utf8"));
}

async function sizeOf(path: string): Promise<number | undefined> {
  return await ifPresent(path, async () => (await stat(path)).size);
}

async function ifPresent<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (cause) {
    if ((cause as { code?: unknown })?.code === "ENOENT") return undefined; // node's errors carry a code beside the message
    throw new Failure("audit.unreadable", `reading ${path}: ${messageOf(cause)}, a readable file is required`, {
      cause,
    });
  }
}

/**
 * Verifies an audit file: every line's own hash, the chain from line to line, and the end against the head file. Streaming;
 * memory holds one line. A pipeline may be appending meanwhile.
 *
 * The chain has no key: whoever can write the file and its head can write another, whole chain. Against that, keep a
 * head's hash elsewhere and hand it in as `expectHead`: no other chain leads to it.
 */
import { createReadStream } from "node:fs";
import { Failure, toFailure } from "../../base/errors.ts";
import { type AuditFault, Chain } from "./chain.ts";
import { compareHead, type FileEnd, type Head, type Snapshot, takeSnapshot } from "./head.ts";
import { isHash, parseAuditLine } from "./line.ts";

export interface VerifyOptions {
  /** Hash that some line must have, such as the head noted at an earlier verification. */
  readonly expectHead?: string;
}

export interface AuditReport {
  readonly path: string;
  /** True when nothing was changed; notes may still say that a crash left something unfinished. */
  readonly isIntact: boolean;
  readonly lines: number;
  /** Sum of the counts of all readable lines. */
  readonly records: number;
  readonly firstTime?: string;
  readonly lastTime?: string;
  /** The last line: its hash is what to note for a later `expectHead`. */
  readonly head?: { readonly n: number; readonly hash: string };
  /** Line of the expected head, from 1, when it was asked for and found. */
  readonly expectedHeadLine?: number;
  /** The first of them; `faultCount` has them all. */
  readonly faults: readonly AuditFault[];
  readonly faultCount: number;
  readonly notes: readonly string[];
}

/** Enough to see what was done to the file. */
const FAULTS_SHOWN_MAX = 100;
/** A line is some 400 bytes, and more with a very long batch id; the writer makes none beyond this. */
const LINE_BYTES_MAX = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

export async function verifyAuditFile(path: string, options: VerifyOptions = {}): Promise<AuditReport> {
  const expectHead = options.expectHead?.toLowerCase();
  if (expectHead !== undefined && !isHash(expectHead)) {
    const message = `verifying ${path}: ${JSON.stringify(options.expectHead)} is no head, 64 hexadecimal digits are required`;
    throw new Failure("audit.bad_expected_head", message);
  }
  const snapshot = await takeSnapshot(path);
  if (snapshot.sizeBytes === undefined && snapshot.head === undefined) {
    throw new Failure("audit.not_found", `verifying ${path}: no such file, an audit file is required`);
  }
  const head = typeof snapshot.head === "object" ? snapshot.head : undefined;
  const verifier = new Verifier(head, expectHead);
  try {
    for await (const line of linesOf(path, snapshot.sizeBytes ?? 0)) verifier.addLine(line);
  } catch (error) {
    throw toFailure(error, "audit.unreadable");
  }
  return verifier.finish(path, snapshot);
}

/** What a program exits with: 0 for an intact file, 1 for one that was changed. */
export function auditExitCode(report: AuditReport): 0 | 1 {
  return report.isIntact ? 0 : 1;
}

interface FileLine {
  /** Without the newline; as much of a too long line as was held. */
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
  readonly isTerminated: boolean;
}

async function* linesOf(path: string, sizeBytes: number): AsyncGenerator<FileLine> {
  if (sizeBytes === 0) return;
  let held = Buffer.alloc(0);
  let heldBytes = 0;
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { end: sizeBytes - 1, highWaterMark: CHUNK_BYTES });
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const bytes = Buffer.concat([held, chunk.subarray(from, at)]);
      yield { bytes, sizeBytes: heldBytes + at - from + 1, isTerminated: true };
      held = Buffer.alloc(0);
      heldBytes = 0;
      from = at + 1;
    }
    heldBytes += chunk.length - from;
    if (held.length <= LINE_BYTES_MAX) held = Buffer.concat([held, chunk.subarray(from)]);
  }
  if (heldBytes > 0) yield { bytes: held, sizeBytes: heldBytes, isTerminated: false };
}

class Verifier {
  readonly #head: Head | undefined;
  readonly #expectHead: string | undefined;
  readonly #chain = new Chain();
  readonly #faults: AuditFault[] = [];
  #faultCount = 0;
  #lines = 0;
  #records = 0;
  #offset = 0;
  #tornBytes = 0;
  #firstTime: string | undefined;
  #lastTime: string | undefined;
  #atHead: FileEnd["atHead"];
  #expectedHeadLine: number | undefined;

  constructor(head: Head | undefined, expectHead: string | undefined) {
    this.#head = head;
    this.#expectHead = expectHead;
  }

  addLine({ bytes, sizeBytes, isTerminated }: FileLine): void {
    if (!isTerminated) {
      this.#tornBytes = sizeBytes;
      return;
    }
    this.#lines++;
    this.#offset += sizeBytes;
    const isTooLong = bytes.length > LINE_BYTES_MAX;
    const line = isTooLong ? `longer than ${LINE_BYTES_MAX} bytes` : parseAuditLine(bytes);
    const before = this.#chain.last;
    const fault = this.#chain.follow(line, this.#lines);
    if (fault) this.#addFault(fault);
    const { last } = this.#chain;
    if (last !== before && last.n === this.#head?.n) this.#atHead = { hash: last.hash, end: this.#offset };
    if (typeof line === "string") return;
    const { hash, isSound, time, count } = line;
    this.#records += count;
    this.#firstTime ??= time;
    this.#lastTime = time;
    if (isSound && hash === this.#expectHead) this.#expectedHeadLine ??= this.#lines;
  }

  finish(path: string, snapshot: Snapshot): AuditReport {
    const notes = this.#checkEnd(snapshot);
    if (this.#expectHead !== undefined && this.#expectedHeadLine === undefined) {
      const message = `no line has the expected head ${this.#expectHead}: the file is not the one that was noted, or was cut`;
      this.#addFault({ code: "audit.expected_head_missing", message });
    }
    return {
      path,
      isIntact: this.#faultCount === 0,
      lines: this.#lines,
      records: this.#records,
      ...(this.#firstTime !== undefined && { firstTime: this.#firstTime }),
      ...(this.#lastTime !== undefined && { lastTime: this.#lastTime }),
      ...(this.#chain.last.n >= 0 && { head: this.#chain.last }),
      ...(this.#expectedHeadLine !== undefined && { expectedHeadLine: this.#expectedHeadLine }),
      faults: this.#faults,
      faultCount: this.#faultCount,
      notes,
    };
  }

  #checkEnd({ head }: Snapshot): readonly string[] {
    if (typeof head === "string") {
      this.#addFault({ code: "audit.head_unreadable", message: `the head file holds ${head}, no head` });
      return [];
    }
    const { last, unreadable } = this.#chain;
    if (unreadable > 0 && head !== undefined && head.n > last.n) return []; // the unreadable lines have been reported
    const { faults, notes } = compareHead(head, {
      lines: this.#lines,
      n: last.n,
      tornBytes: this.#tornBytes,
      isWhole: this.#faultCount === 0,
      ...(this.#atHead && { atHead: this.#atHead }),
    });
    for (const fault of faults) this.#addFault(fault);
    return notes;
  }

  #addFault(fault: AuditFault): void {
    this.#faultCount++;
    if (this.#faults.length < FAULTS_SHOWN_MAX) this.#faults.push(fault);
  }
}

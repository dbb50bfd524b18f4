/**
 * A line of the audit file. Its hash is the SHA-256 of the line's own bytes up to `,"hash":`, and they hold the hash of the line
 * before: a line cannot be changed, taken out or moved without all later hashes changing.
 */
import { createHash } from "node:crypto";

export const FIRST_PREV = "0".repeat(64);

export interface AuditEntry {
  readonly batch: string;
  readonly stage: string;
  readonly count: number;
  readonly timeMs: number;
  readonly digest: string;
}

/** What the next line and the head file need to know of a line. */
export interface ChainEnd {
  readonly n: number;
  readonly hash: string;
  /** Size of the file with this line. */
  readonly bytes: number;
}

export interface ParsedLine {
  readonly n: number;
  readonly batch: string;
  readonly digest: string;
  readonly prev: string;
  readonly hash: string;
}

/** The line without its newline, and its hash. */
export function formatLine(entry: AuditEntry, n: number, prev: string): { line: string; hash: string } {
  const { batch, stage, count, timeMs, digest } = entry;
  const time = new Date(timeMs).toISOString();
  const text = JSON.stringify({ v: 1, n, batch, stage, count, time, digest, prev });
  const hashed = text.slice(0, -1); // without the closing brace: `,"hash"` follows there
  const hash = sha256(hashed);
  return { line: `${hashed},"hash":"${hash}"}`, hash };
}

/** Undefined when the text is no line of ours; the hash is taken as it stands. */
export function parseLine(text: string): ParsedLine | undefined {
  try {
    const line: Partial<ParsedLine> & { v?: unknown } = JSON.parse(text);
    const { v, n, batch, digest, prev, hash } = line;
    const whole =
      v === 1 && typeof n === "number" && [batch, digest, prev, hash].every((each) => typeof each === "string");
    return whole ? (line as ParsedLine) : undefined;
  } catch {
    return undefined; // the caller reports it with its place
  }
}

/** True when the hash at the line's end belongs to the line. */
export function isSound(text: string, hash: string): boolean {
  const ending = `,"hash":"${hash}"}`;
  return text.endsWith(ending) && sha256(text.slice(0, -ending.length)) === hash;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

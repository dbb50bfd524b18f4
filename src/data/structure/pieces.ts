/**
 * Snapshots of a structure: rows of plain data, many to a piece, and their strict reading. What no capture gives is refused
 * with `data.snapshot`: a snapshot has passed checksums, so anything odd in it is a defect or another version.
 */
import { Failure } from "../../base/errors.ts";
import type { Value } from "../words/index.ts";

/** A piece is sent and decoded at once: small enough for nobody to wait for it, large enough to be worth its header. */
export const PIECE_BYTES = 64 * 1024;

/** Rows one after the other, as many to a piece as fit; `bytesOf` is about how large a row is. */
export function* inPieces<T>(
  rows: Iterable<T>,
  write: (row: T) => unknown,
  bytesOf: (row: T) => number,
): Generator<unknown[]> {
  let piece: unknown[] = [];
  let bytes = 0;
  for (const row of rows) {
    const more = bytesOf(row);
    if (bytes + more > PIECE_BYTES && piece.length > 0) {
      yield piece;
      piece = [];
      bytes = 0;
    }
    piece.push(write(row));
    bytes += more;
  }
  if (piece.length > 0) yield piece;
}

export function pieceFault(what: string, value: unknown, wanted: string): Failure {
  return new Failure("data.snapshot", `reading a snapshot: ${what} is ${describe(value)}, ${wanted} is required`);
}

/** A list, of so many elements when `length` is given. */
export function listOf(value: unknown, what: string, length?: number): readonly unknown[] {
  if (!Array.isArray(value)) throw pieceFault(what, value, "a list");
  if (length !== undefined && value.length !== length) throw pieceFault(what, value, `a list of ${length}`);
  return value;
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== "string") throw pieceFault(what, value, "text");
  return value;
}

/** A whole number, 0 or more unless `min` says otherwise. */
export function wholeOf(value: unknown, what: string, min = 0): number {
  if (!Number.isSafeInteger(value) || (value as number) < min)
    throw pieceFault(what, value, `a whole number from ${min}`);
  return value as number;
}

/** Bytes are copied: what was decoded is a view that would keep the whole piece. */
export function bytesOrText(value: unknown, what: string): Value {
  if (value instanceof Uint8Array) return value.slice();
  if (typeof value !== "string") throw pieceFault(what, value, "text or bytes");
  return value;
}

export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  return value === null ? "null" : typeof value;
}

/**
 * Batches out of the spool. Where one ends depends on what lies in the spool only, not on when it came: a batch is full, or
 * stands before a mark that was written when it was handed on early. So a replay cuts the same batches.
 */
import { cut } from "../../../../wire/format/index.ts";
import type { Oversized, ReadLimits } from "../source.ts";
import type { Spool } from "./spool.ts";
import { endOf, FRAME_HEADER_BYTES, type Frame } from "./spool-frame.ts";

/** Where to go on: as in the position of the source. */
export interface SpoolPlace {
  readonly offset: number;
  readonly frame: number;
  readonly line: number;
}

export interface Gathered {
  readonly start: SpoolPlace;
  readonly end: SpoolPlace;
  readonly bytes: number;
  readonly rows: number;
  readonly timeMs: number;
  readonly oversized: readonly Oversized[];
}

const FORMAT = { kind: "ndjson" } as const;
/** Shown of a record that is too large: enough to recognise it. */
const PREFIX_BYTES = 1024;
const NEWLINE = 10;

/** One batch being made. */
export class Gathering {
  readonly #spool: Spool;
  readonly #target: Uint8Array;
  readonly #limits: ReadLimits;
  #offset: number;
  #frameAt: number;
  #line: number;
  #start: SpoolPlace | undefined;
  #timeMs = 0;
  #bytes = 0;
  #rows = 0;

  constructor(spool: Spool, from: SpoolPlace, target: Uint8Array, limits: ReadLimits) {
    this.#spool = spool;
    this.#target = target;
    this.#limits = limits;
    this.#offset = from.offset;
    this.#frameAt = from.frame;
    this.#line = from.line;
  }

  get isEmpty(): boolean {
    return this.#start === undefined;
  }

  /** Adds what has become durable; the batch, when it is complete. */
  more(): Gathered | undefined {
    while (this.#frameAt < this.#spool.durable) {
      const frame = this.#spool.frameAt(this.#frameAt);
      if (frame.kind === "cut" && this.#start !== undefined) {
        this.#enter(endOf(frame));
        return this.#gathered(this.#start);
      }
      if (frame.kind !== "records" || frame.payloadBytes === 0) this.#enter(endOf(frame));
      else if (this.#take(frame)) return this.#gathered(this.#start!); // set by #take
    }
    return undefined;
  }

  /** True when the batch is complete. */
  #take(frame: Frame): boolean {
    if (this.#start === undefined) {
      this.#start = this.#place();
      this.#timeMs = frame.value;
    }
    if (this.#offset === this.#frameAt) this.#offset += FRAME_HEADER_BYTES;
    const { bytes, rows } = this.#limits;
    const roomBytes = Math.min(bytes, this.#target.length) - this.#bytes;
    const isUsedUp = this.#cut(frame, roomBytes, rows - this.#rows);
    if (this.#rows === 0) this.#cut(frame, this.#target.length, 1);
    return !isUsedUp || this.#rows >= rows || this.#bytes >= bytes;
  }

  /** Takes whole lines of the frame; true when it is used up. */
  #cut(frame: Frame, roomBytes: number, rowsMax: number): boolean {
    const end = endOf(frame);
    const window = this.#target.subarray(this.#bytes, this.#bytes + Math.min(roomBytes, end - this.#offset));
    this.#spool.readAt(this.#offset, window);
    const size = cut(window, { rows: rowsMax, bytes: window.length }, FORMAT, false);
    this.#bytes += size.bytes;
    this.#rows += size.rows;
    this.#line += size.lines;
    this.#offset += size.bytes;
    if (this.#offset < end) return false;
    this.#enter(end);
    return true;
  }

  #enter(offset: number): void {
    this.#offset = offset;
    this.#frameAt = offset;
  }

  #place(): SpoolPlace {
    return { offset: this.#offset, frame: this.#frameAt, line: this.#line };
  }

  #gathered(start: SpoolPlace): Gathered {
    if (this.#rows === 0) return this.#oversized(start);
    const [bytes, rows, timeMs] = [this.#bytes, this.#rows, this.#timeMs];
    return { start, end: this.#place(), bytes, rows, timeMs, oversized: [] };
  }

  /** The record does not fit in the target, which serves as scratch. */
  #oversized(start: SpoolPlace): Gathered {
    const end = endOf(this.#spool.frameAt(this.#frameAt));
    let prefix: string | undefined;
    let bytes = 0;
    for (;;) {
      const window = this.#target.subarray(0, Math.min(this.#target.length, end - this.#offset - bytes));
      this.#spool.readAt(this.#offset + bytes, window);
      prefix ??= Buffer.from(window.subarray(0, PREFIX_BYTES)).toString("utf8");
      const newline = window.indexOf(NEWLINE);
      bytes += newline < 0 ? window.length : newline + 1;
      if (newline >= 0) break;
    }
    const oversized = [{ line: this.#line, bytes, prefix }];
    this.#offset += bytes;
    this.#line++;
    if (this.#offset === end) this.#enter(end);
    return { start, end: this.#place(), bytes: 0, rows: 0, timeMs: this.#timeMs, oversized };
  }
}

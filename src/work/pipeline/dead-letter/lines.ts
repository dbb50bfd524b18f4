/**
 * The lines of a file, streaming: memory is one buffer that grows to the longest line, up to a limit. Lines are bytes,
 * not text, so that offsets and torn ends stay exact. A line over the limit is passed over and reported.
 */
import type { FileHandle } from "node:fs/promises";
import { Failure } from "../../../base/errors.ts";

/** A record of 16 MiB (the most that max_record_bytes allows) whose every byte is escaped with six characters fits. */
export const LINE_BYTES_MAX = 128 * 1024 * 1024;

/** One read; large enough that the calls do not count, small enough to stay in a processor's cache. */
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

export interface FileLine {
  /** From 1. */
  readonly number: number;
  readonly offset: number;
  /** Without the newline; a view that is good until the next line is asked for. Empty when the line is too long. */
  readonly bytes: Uint8Array;
  /** Length in the file, newline included. */
  readonly sizeBytes: number;
  /** False for a last line that ends without a newline. */
  readonly isTerminated: boolean;
  readonly isTooLong: boolean;
}

/** Lines up to `endOffset`: what is appended meanwhile is not seen. Fails with `dead_letter.changed` when it ends before. */
export async function* readLines(
  file: FileHandle,
  endOffset: number,
  lineBytesMax = LINE_BYTES_MAX,
): AsyncGenerator<FileLine> {
  const window = new Window(file, endOffset);
  for (let number = 1; ; number++) {
    const offset = window.offset;
    const line = await window.nextLine(lineBytesMax);
    if (line === undefined) return;
    yield { number, offset, ...line };
  }
}

/** The part of the file that is in memory: bytes[start..end) lies at `offset`. */
class Window {
  readonly #file: FileHandle;
  readonly #endOffset: number;
  #bytes = Buffer.allocUnsafe(CHUNK_BYTES);
  #start = 0;
  #end = 0;
  offset = 0;

  constructor(file: FileHandle, endOffset: number) {
    this.#file = file;
    this.#endOffset = endOffset;
  }

  async nextLine(lineBytesMax: number): Promise<Omit<FileLine, "number" | "offset"> | undefined> {
    let searched = 0;
    let passedOver = 0;
    for (;;) {
      const newline = this.#bytes.subarray(this.#start + searched, this.#end).indexOf(NEWLINE);
      const held = newline < 0 ? this.#end - this.#start : searched + newline;
      const isTooLong = passedOver + held > lineBytesMax;
      if (newline >= 0) return this.#take(held, 1, passedOver, isTooLong);
      if (isTooLong) {
        passedOver += held;
        this.#drop(held);
      }
      searched = this.#end - this.#start;
      if (!(await this.#readMore()))
        return passedOver + held === 0 ? undefined : this.#take(searched, 0, passedOver, isTooLong);
    }
  }

  #take(length: number, newlines: 0 | 1, passedOver: number, isTooLong: boolean): Omit<FileLine, "number" | "offset"> {
    const bytes = this.#bytes.subarray(this.#start, this.#start + (isTooLong ? 0 : length));
    this.#drop(length + newlines);
    return { bytes, sizeBytes: passedOver + length + newlines, isTerminated: newlines === 1, isTooLong };
  }

  #drop(count: number): void {
    this.#start += count;
    this.offset += count;
  }

  /** False at the end. Makes room first: by moving what is held to the front, else by doubling. */
  async #readMore(): Promise<boolean> {
    const held = this.#end - this.#start;
    if (this.#end === this.#bytes.length) {
      const target = held > this.#bytes.length / 2 ? Buffer.allocUnsafe(this.#bytes.length * 2) : this.#bytes;
      this.#bytes.copy(target, 0, this.#start, this.#end);
      this.#bytes = target;
      this.#start = 0;
      this.#end = held;
    }
    const position = this.offset + held;
    const room = Math.min(this.#bytes.length - this.#end, this.#endOffset - position);
    if (room <= 0) return false;
    const { bytesRead } = await this.#file.read(this.#bytes, this.#end, room, position);
    if (bytesRead === 0) throw shrunk(position, this.#endOffset);
    this.#end += bytesRead;
    return true;
  }
}

function shrunk(sizeBytes: number, endOffset: number): Failure {
  const message = `reading the dead letters: the file ends at ${sizeBytes} bytes and had ${endOffset} when it was opened, a file that nobody cuts meanwhile is required`;
  return new Failure("dead_letter.changed", message, { retryable: true });
}

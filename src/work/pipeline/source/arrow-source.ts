/**
 * Arrow IPC, stream or file format, cut at its record batches, and inside of them where they are larger than the limits. Each
 * cut is a small stream of its own: the schema, the dictionaries so far, one record batch, the end mark; so a host can decode
 * it knowing nothing else. Values are not decoded here, only headers are read and buffers cut.
 */
import { Failure } from "../../../base/errors.ts";
import { ARROW_END, type ArrowSlicePlan, ArrowSlicer, readArrowLayouts } from "../../../wire/format/index.ts";
import { type ArrowFrame, ArrowFrames } from "./arrow-frames.ts";
import { ArrowPreamble } from "./arrow-preamble.ts";
import type { FileSequence } from "./file-sequence.ts";
import type { Input } from "./input.ts";
import type { Cut, Oversized, ReadLimits, Source, SourcePosition } from "./source.ts";

/** The file being read, and the record batch that is handed on in parts. */
interface Reading {
  readonly input: Input;
  readonly frames: ArrowFrames;
  readonly preamble: ArrowPreamble;
  batch: { readonly frame: ArrowFrame; readonly slicer: ArrowSlicer } | undefined;
}

/** A pipe gives its bytes once, so a record batch to be cut must be kept; a file is read again at each place. */
const PIPED_BATCH_BYTES_MAX = 256 * 1024 * 1024;
/** What a plan that is too large is shrunk by beyond its proportion: rows differ in size. */
const SHRINK = 0.9;

export class ArrowSource implements Source {
  readonly #files: FileSequence;
  #reading: Reading | undefined;

  constructor(files: FileSequence) {
    this.#files = files;
  }

  get totalBytes(): number | undefined {
    return this.#files.totalBytes;
  }

  open(position: SourcePosition | undefined): Promise<void> {
    return this.#files.open(position);
  }

  async read(target: Uint8Array, limits: ReadLimits): Promise<Cut | undefined> {
    for (let input = this.#files.current(); input !== undefined; input = this.#files.current()) {
      this.#reading ??= await this.#begin(input);
      const found = await this.#next(this.#reading, target, limits);
      if (found !== undefined) return found;
      await this.#files.advance();
      this.#reading = undefined;
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  /** The schema and the dictionaries are read again when going on in the middle of a file. */
  async #begin(input: Input): Promise<Reading> {
    const frames = new ArrowFrames(input, this.#files.name);
    const preamble = new ArrowPreamble();
    const schema = await frames.begin();
    if (schema !== undefined) preamble.setSchema(schema);
    return { input, frames, preamble, batch: undefined };
  }

  async #next(reading: Reading, target: Uint8Array, limits: ReadLimits): Promise<Cut | undefined> {
    if (reading.batch !== undefined) return this.#part(reading, reading.batch, target, limits);
    const { frames, preamble } = reading;
    for (let frame = await frames.next(); frame !== undefined; frame = await frames.next()) {
      const { message, bodyAt, header } = frame;
      if (message.kind === "batch") {
        if (bodyAt >= this.#files.offset) return this.#batch(reading, frame, target, limits);
      } else if (message.kind !== "other") {
        if (message.bodyBytes > target.length)
          throw this.#tooLarge(frame, message.bodyBytes, target.length, "it is a dictionary");
        const body = new Uint8Array(message.bodyBytes);
        await frames.readBody(frame, body);
        frames.named(() => preamble.add(message, Buffer.concat([header, body])), frame.at);
      }
    }
    return undefined;
  }

  async #batch(reading: Reading, frame: ArrowFrame, target: Uint8Array, limits: ReadLimits): Promise<Cut> {
    const { schema } = reading.preamble;
    if (schema === undefined) throw this.#noSchema(frame);
    const fits =
      frame.message.rows <= limits.rows && this.#sizeOf(reading, frame) <= Math.min(limits.bytes, target.length);
    if (fits && this.#files.row === 0) return this.#whole(reading, frame, target);
    const why = await this.#split(reading, frame, schema);
    if (reading.batch !== undefined) return this.#part(reading, reading.batch, target, limits);
    if (this.#sizeOf(reading, frame) <= target.length) return this.#whole(reading, frame, target);
    throw this.#tooLarge(frame, this.#sizeOf(reading, frame), target.length, why);
  }

  #sizeOf({ preamble }: Reading, { header, message }: ArrowFrame): number {
    return preamble.bytes + header.length + message.bodyBytes + ARROW_END.length;
  }

  /** The record batch as it lies in the file: its body goes straight to its place. */
  async #whole(reading: Reading, frame: ArrowFrame, target: Uint8Array): Promise<Cut> {
    const headerAt = reading.preamble.writeTo(target);
    target.set(frame.header, headerAt);
    const bodyAt = headerAt + frame.header.length;
    const end = bodyAt + frame.message.bodyBytes;
    await reading.frames.readBody(frame, target.subarray(bodyAt, end));
    target.set(ARROW_END, end);
    return this.#cut(frame, end + ARROW_END.length, frame.message.rows);
  }

  /** Makes the record batch one to be handed on in parts; otherwise says why it cannot be. */
  async #split(reading: Reading, frame: ArrowFrame, schema: Uint8Array): Promise<string> {
    const { frames } = reading;
    const { bodyBytes } = frame.message;
    const layouts = frames.named(() => readArrowLayouts(schema), frame.at);
    if ("why" in layouts) return layouts.why;
    let read = (target: Uint8Array, offset: number): Promise<void> => frames.readBody(frame, target, offset);
    if (reading.input.sizeBytes === undefined) {
      if (bodyBytes > PIPED_BATCH_BYTES_MAX)
        return `more than ${PIPED_BATCH_BYTES_MAX} bytes of a pipe or compressed file`;
      const body = new Uint8Array(bodyBytes);
      await frames.readBody(frame, body);
      read = async (target, offset) => target.set(body.subarray(offset, offset + target.length));
    }
    const metadata = frame.header.subarray(frame.prefixBytes);
    const slicer = frames.named(() => new ArrowSlicer(layouts.columns, metadata, bodyBytes, read), frame.at);
    if (slicer.isCompressed) return "its buffers are compressed";
    reading.batch = { frame, slicer };
    return "";
  }

  /** As many of the next rows as the limits allow, one at least. */
  async #part(
    reading: Reading,
    batch: NonNullable<Reading["batch"]>,
    target: Uint8Array,
    limits: ReadLimits,
  ): Promise<Cut> {
    const { frame, slicer } = batch;
    const around = reading.preamble.bytes + ARROW_END.length;
    const from = this.#files.row;
    try {
      let plan = await slicer.plan(from, Math.min(limits.rows, slicer.rows - from));
      const room = Math.min(limits.bytes, target.length);
      while (plan.rows > 1 && around + plan.sizeBytes > room)
        plan = await slicer.plan(from, fewer(plan, room - around));
      const size = around + plan.sizeBytes;
      if (size > target.length)
        return this.#cut(frame, 0, 1, slicer, [{ line: this.#files.line, bytes: size, prefix: "" }]);
      const at = reading.preamble.writeTo(target);
      const end = at + (await slicer.write(plan, target.subarray(at)));
      target.set(ARROW_END, end);
      return this.#cut(frame, end + ARROW_END.length, plan.rows, slicer);
    } catch (thrown) {
      throw reading.frames.explained(thrown, frame.at);
    } finally {
      if (this.#files.row === 0) reading.batch = undefined;
    }
  }

  /** Says what is in the target and goes on behind it. Without a slicer it is the whole record batch. */
  #cut(
    frame: ArrowFrame,
    bytes: number,
    rows: number,
    slicer?: ArrowSlicer,
    oversized: readonly Oversized[] = [],
  ): Cut {
    const files = this.#files;
    const { line, timeMs, row } = files;
    const id = `${files.name}@${frame.at}${row === 0 ? "" : `+${row}`}`;
    const isDone = slicer === undefined || row + rows >= slicer.rows;
    files.offset = isDone ? frame.next : frame.at;
    files.row = isDone ? 0 : row + rows;
    files.line += rows;
    const position = files.position();
    const format = { kind: "arrow" } as const;
    const found = oversized.length > 0 ? 0 : rows;
    const progressBytes = files.progressBytes + (isDone ? 0 : this.#progressInside(frame, slicer));
    return { id, bytes, rows: found, line, timeMs, format, position, progressBytes, oversized };
  }

  /** A file of one large record batch should be seen to move. A compressed one or a pipe has been read to the batch's end. */
  #progressInside(frame: ArrowFrame, slicer: ArrowSlicer): number {
    if (this.#reading?.input.sizeBytes === undefined) return 0;
    return Math.floor(((frame.next - frame.at) * this.#files.row) / slicer.rows);
  }

  #noSchema(frame: ArrowFrame): Failure {
    return new Failure(
      "source.arrow",
      `cannot read ${this.#files.name}: a record batch at byte ${frame.at} comes before any schema; where the footer alone has it, ` +
        "the file must be neither compressed nor piped",
    );
  }

  #tooLarge(frame: ArrowFrame, needed: number, limit: number, why: string): Failure {
    return new Failure(
      "source.arrow_batch_too_large",
      `cannot read ${this.#files.name}: the message of ${frame.message.rows} records at byte ${frame.at} takes ${needed} bytes, a batch ` +
        `holds ${limit}, and it cannot be divided: ${why}; raise batch_bytes, or write the file with smaller record batches`,
    );
  }
}

function fewer(plan: ArrowSlicePlan, room: number): number {
  const share = Math.floor((plan.rows * Math.max(0, room) * SHRINK) / plan.sizeBytes);
  return Math.max(1, Math.min(plan.rows - 1, share));
}

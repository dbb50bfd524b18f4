/**
 * A batch out of a frame: views over the given bytes, nothing copied. Every number that leads somewhere is checked before
 * it is used: sizes against the frame, shapes against names, the index against the text, offsets and indices against their
 * data. So a frame that lies gives a Failure, or a batch whose reads stay within the frame.
 */
import { isUtf8 } from "node:buffer";
import { textOf } from "../../base/errors.ts";
import type { ColumnType } from "../../sdk/index.ts";
import { asBytes, type Bytes } from "./bytes.ts";
import {
  BoolCells,
  BytesCells,
  type Cells,
  DictionaryCells,
  DoubleCells,
  IntegerCells,
  JsonCells,
  NullCells,
  StringCells,
  TimestampCells,
} from "./cells.ts";
import { Documents, ROW_HEAD, type Shapes } from "./documents.ts";
import { align8, type Frame, openFrame, refuse } from "./frame.ts";
import { MAX_ROWS, MAX_TEXT_BYTES } from "./limits.ts";
import { HAS_VALUE, INHERITS, OwnColumn } from "./own-column.ts";
import { RecordBatch } from "./record-batch.ts";

export interface ReadOptions {
  /** See Batch.probe. */
  readonly probe?: boolean;
}

/** The batch in the frame. It lives in `bytes`: they must not change or be unmapped while the batch is in use. */
export function readBatch(bytes: Uint8Array, options: ReadOptions = {}): RecordBatch {
  const frame = openFrame(bytes, "batch");
  const { id, timeMs } = frame.header;
  if (typeof id !== "string" || typeof timeMs !== "number") refuse("bad_header", "a batch without id or timeMs");
  const rows = rowCount(frame.header.rows);
  const sections = new Sections(frame);
  const documents = readDocuments(frame, sections, rows);
  const decoded = new Map(
    strings(frame, "decoded").map((name) => [name, sections.doubles(rows, "decoded numbers")] as const),
  );
  const own = readColumns(frame, sections, rows);
  sections.requireEnd();
  const meta = { id, timeMs, probe: options.probe ?? false };
  return new RecordBatch(documents, meta, { own, decoded, removed: strings(frame, "removed") });
}

function rowCount(value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_ROWS) return value as number;
  return refuse("bad_header", `${textOf(value)} rows; at most ${MAX_ROWS} are allowed`);
}

function strings(frame: Frame, key: string): readonly string[] {
  const list = frame.header[key];
  if (!Array.isArray(list) || !list.every((item) => typeof item === "string")) {
    refuse("bad_header", `${key} is not a list of names`);
  }
  const names = list as string[];
  if (new Set(names).size !== names.length) refuse("bad_header", `${key} names a field twice`);
  return names;
}

/** Hands out the sections one after the other, each with the length that its reader expects. */
class Sections {
  readonly #frame: Frame;
  readonly #sizes: readonly unknown[];
  #next = 0;
  #at: number;

  constructor(frame: Frame) {
    const sizes = frame.header.sections;
    if (!Array.isArray(sizes)) refuse("bad_header", "sections is not a list");
    this.#frame = frame;
    this.#sizes = sizes as unknown[];
    this.#at = frame.bodyAt;
  }

  bytes(what: string): Bytes {
    const size = this.#sizes[this.#next++];
    const { bytes } = this.#frame;
    if (typeof size !== "number" || !Number.isInteger(size) || size < 0 || this.#at + align8(size) > bytes.length) {
      refuse("bad_section", `${what}: a section of ${textOf(size)} bytes at ${this.#at} of ${bytes.length}`);
    }
    const start = this.#at;
    this.#at += align8(size);
    return asBytes(bytes.subarray(start, start + size));
  }

  ints(what: string): Int32Array {
    const bytes = this.bytes(what);
    if (bytes.length % 4 !== 0) refuse("bad_section", `${what}: ${bytes.length} bytes are not whole integers`);
    return new Int32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / 4);
  }

  intsOf(count: number, what: string): Int32Array {
    const ints = this.ints(what);
    if (ints.length !== count) refuse("bad_section", `${what}: ${ints.length} integers; required are ${count}`);
    return ints;
  }

  doubles(count: number, what: string): Float64Array {
    const bytes = this.bytes(what);
    if (bytes.length !== count * 8) refuse("bad_section", `${what}: ${bytes.length} bytes; required are ${count * 8}`);
    return new Float64Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
  }

  requireEnd(): void {
    if (this.#next !== this.#sizes.length) {
      refuse("bad_header", `${this.#sizes.length} sections; the columns have ${this.#next}`);
    }
  }
}

function readDocuments(frame: Frame, sections: Sections, rows: number): Documents {
  const shapes = readShapes(strings(frame, "names"), sections.ints("shapes"));
  const given = sections.ints("shape of each row");
  const shapeOf = given.length === 0 && shapes.lists.length === 1 ? new Int32Array(rows) : given;
  if (shapeOf.length !== rows) refuse("bad_section", `shapes of ${shapeOf.length} rows; there are ${rows}`);
  const tape = sections.ints("index");
  const text = sections.bytes("text");
  if (text.length > MAX_TEXT_BYTES) refuse("too_large", `${text.length} bytes of text; at most ${MAX_TEXT_BYTES}`);
  const bases = basesOf(shapes, shapeOf, tape.length);
  checkTape(tape, bases, text.length);
  return new Documents({ text, tape, bases, shapeOf, shapes });
}

function readShapes(names: readonly string[], section: Int32Array): Shapes {
  const lists: Int32Array[] = [];
  let at = 1;
  for (let index = 0; index < (section[0] ?? 0); index++) {
    const length = section[at] ?? -1;
    const list = section.subarray(at + 1, at + 1 + length);
    if (length < 0 || list.length !== length) refuse("bad_shapes", `shape ${index} has ${length} fields`);
    if (new Set(list).size !== length) refuse("bad_shapes", `shape ${index} has a field twice`);
    if (!list.every((field) => field >= 0 && field < names.length)) refuse("bad_shapes", "a field without a name");
    lists.push(list);
    at += 1 + length;
  }
  if (at !== section.length) refuse("bad_shapes", `${section.length} integers; the shapes need ${at}`);
  return { names, lists };
}

function basesOf({ lists }: Shapes, shapeOf: Int32Array, tapeLength: number): Int32Array {
  const lengths = Int32Array.from(lists, (list) => ROW_HEAD + 2 * list.length);
  const bases = new Int32Array(shapeOf.length);
  let length = 0;
  for (let row = 0; row < shapeOf.length; row++) {
    const run = lengths[shapeOf[row]!];
    if (run === undefined) refuse("bad_shapes", `row ${row} has the shape ${shapeOf[row]} of ${lists.length}`);
    bases[row] = length;
    length += run;
  }
  if (length !== tapeLength) refuse("bad_index", `${tapeLength} entries; the rows need ${length}`);
  return bases;
}

/** Within each row positions rise and stay in the row's text. One pass without branches: any negative step shows. */
function checkTape(tape: Int32Array, bases: Int32Array, textLength: number): void {
  let wrong = 0;
  for (let row = 0; row < bases.length; row++) {
    const base = bases[row]!;
    const end = row + 1 < bases.length ? bases[row + 1]! : tape.length;
    let before = tape[base]!;
    const rowEnd = tape[base + 1]!;
    // A row is at least its two braces; its values lie between them.
    wrong |= before | (rowEnd - before - 2) | (textLength - rowEnd);
    before++;
    for (let at = base + ROW_HEAD; at < end; at += 2) {
      const start = tape[at]!;
      const packed = tape[at + 1]!;
      wrong |= packed | (start - before) | ((packed >>> 3) - start);
      before = packed >>> 3;
    }
    wrong |= rowEnd - 1 - before;
  }
  if (wrong < 0) refuse("bad_index", "a position outside of its row");
}

function readColumns(frame: Frame, sections: Sections, rows: number): OwnColumn[] {
  const list = frame.header.columns;
  if (!Array.isArray(list)) refuse("bad_header", "columns is not a list");
  const names = new Set<string>();
  return (list as unknown[]).map((entry) => {
    const { name, type } = (entry ?? {}) as { name?: unknown; type?: unknown };
    if (typeof name !== "string" || names.has(name)) refuse("bad_header", "a column without a name of its own");
    names.add(name);
    const states = readStates(sections.bytes(`states of ${name}`), rows);
    return new OwnColumn(name, readCells(type as ColumnType, sections, rows, states), states);
  });
}

function readStates(states: Uint8Array, rows: number): Uint8Array | undefined {
  if (states.length === 0) return undefined;
  if (states.length !== rows) refuse("bad_section", `states of ${states.length} rows; there are ${rows}`);
  for (let row = 0; row < rows; row++)
    if (states[row]! > INHERITS) refuse("bad_column", `row ${row} has state ${states[row]}`);
  return states;
}

function readCells(type: ColumnType, sections: Sections, rows: number, states: Uint8Array | undefined): Cells {
  switch (type) {
    case "null":
      return new NullCells(rows);
    case "bool": {
      const bits = sections.bytes("booleans");
      if (bits.length !== (rows + 7) >> 3) refuse("bad_section", `${bits.length} bytes of booleans for ${rows} rows`);
      return new BoolCells(rows, bits);
    }
    case "integer":
      return new IntegerCells(sections.intsOf(rows * 2, "integers"));
    case "double":
      return new DoubleCells(sections.doubles(rows, "doubles"));
    case "timestamp":
      return new TimestampCells(sections.doubles(rows, "timestamps"));
    case "string":
    case "json":
    case "bytes":
      return readOffsets(type, sections, rows);
    case "dictionary":
      return readDictionary(sections, rows, states);
    default:
      return refuse("bad_column", `unknown column type ${textOf(type)}`);
  }
}

function readOffsets(type: "string" | "json" | "bytes", sections: Sections, rows: number): Cells {
  const offsets = sections.intsOf(rows + 1, "offsets");
  const data = sections.bytes("column data");
  let wrong = offsets[0]! | (data.length - offsets[rows]!);
  for (let row = 0; row < rows; row++) wrong |= offsets[row + 1]! - offsets[row]!;
  if (wrong < 0) refuse("bad_column", "offsets that fall or leave their data");
  if (type === "bytes") return new BytesCells(offsets, data);
  if (!isUtf8(data)) refuse("bad_column", "text that is not UTF-8");
  return type === "string" ? new StringCells(offsets, data) : new JsonCells(offsets, data);
}

function readDictionary(sections: Sections, rows: number, states: Uint8Array | undefined): Cells {
  const indices = sections.intsOf(rows, "dictionary indices");
  const offsets = sections.ints("dictionary offsets");
  const entries = offsets.length - 1;
  if (entries < 0) refuse("bad_column", "a dictionary without offsets");
  const data = sections.bytes("dictionary data");
  const dictionary = dictionaryStrings(offsets, data);
  for (let row = 0; row < rows; row++) {
    const index = indices[row]!;
    if ((index < 0 || index >= entries) && (!states || states[row] === HAS_VALUE)) {
      refuse("bad_column", `row ${row} has entry ${index} of a dictionary of ${entries}`);
    }
  }
  return new DictionaryCells(indices, dictionary);
}

function dictionaryStrings(offsets: Int32Array, data: Bytes): StringCells {
  let wrong = offsets[0]! | (data.length - offsets[offsets.length - 1]!);
  for (let entry = 1; entry < offsets.length; entry++) wrong |= offsets[entry]! - offsets[entry - 1]!;
  if (wrong < 0) refuse("bad_column", "dictionary offsets that fall or leave their data");
  if (!isUtf8(data)) refuse("bad_column", "a dictionary that is not UTF-8");
  return new StringCells(offsets, data);
}

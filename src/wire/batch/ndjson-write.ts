/**
 * A batch as NDJSON by splicing: the original text of a row is copied, and only the values of fields that a plugin set,
 * removed or added are written anew. Without such fields whole runs of rows are copied at once. What nobody touched
 * survives byte for byte: big integers, 1.0, escapes, spaces, the order of fields.
 */
import { type Bytes, ByteWriter } from "./bytes.ts";
import type { Documents } from "./documents.ts";
import { ROW_HEAD } from "./documents.ts";
import { appendJsonString } from "./json-text.ts";
import { HAS_VALUE, INHERITS, IS_NULL, type OwnColumn } from "./own-column.ts";
import { skipSpace } from "./scan.ts";

/** What the writer needs of a batch. */
export interface Writable {
  readonly length: number;
  readonly documents: Documents;
  readonly own: ReadonlyMap<string, OwnColumn>;
  readonly removed: ReadonlySet<string>;
  readonly appendedText: Uint8Array;
  readonly appendedRows: number;
  liveIndices(): Int32Array | undefined;
}

/** A field of the documents that is set or removed. */
interface Edit {
  /** Position among the row's fields. */
  readonly position: number;
  /** Undefined removes the field. */
  readonly column: OwnColumn | undefined;
}

/** A field that the documents lack, with its key as JSON, colon included. */
interface Addition {
  readonly column: OwnColumn;
  readonly key: Bytes;
}

/** How rows of one shape are written. */
interface Plan {
  readonly fields: number;
  readonly edits: readonly Edit[];
  readonly additions: readonly Addition[];
}

const NEWLINE = 10;
const COMMA = 44;

/** Appends the live rows and then the appended records, each with a newline. Returns how many that were. */
export function writeNdjson(batch: Writable, writer: ByteWriter): number {
  const rows = batch.liveIndices();
  if (batch.own.size === 0 && batch.removed.size === 0) copyRows(batch.documents, rows, writer);
  else {
    const splicer = new Splicer(batch, writer);
    const count = rows?.length ?? batch.length;
    for (let at = 0; at < count; at++) splicer.writeLine(rows === undefined ? at : rows[at]!);
  }
  writer.copy(batch.appendedText, 0, batch.appendedText.length);
  return (rows?.length ?? batch.length) + batch.appendedRows;
}

/** Copies rows, those that follow each other in the text in one go. */
function copyRows({ text, tape, bases }: Documents, rows: Int32Array | undefined, writer: ByteWriter): void {
  const count = rows?.length ?? bases.length;
  let from = 0;
  let to = 0; // what is not yet copied: [from, to), which ends behind a newline
  for (let at = 0; at < count; at++) {
    const base = bases[rows === undefined ? at : rows[at]!]!;
    const start = tape[base]!;
    const end = tape[base + 1]!;
    if (start !== to) {
      writer.copy(text, from, to);
      from = start;
    }
    to = end + 1;
    if (text[end] !== NEWLINE) {
      writer.copy(text, from, end);
      writer.byte(NEWLINE);
      from = to = 0;
    }
  }
  writer.copy(text, from, to);
}

/** Writes rows one by one. Good for as long as no column of the batch is set for the first time, added or removed. */
export class Splicer {
  readonly #batch: Writable;
  readonly #writer: ByteWriter;
  /** By shape. */
  readonly #plans: (Plan | undefined)[] = [];
  readonly #additions: readonly Addition[];

  constructor(batch: Writable, writer: ByteWriter) {
    this.#batch = batch;
    this.#writer = writer;
    this.#additions = [...batch.own.values()].map((column) => ({ column, key: keyText(column.name) }));
  }

  /** Appends the row and a newline. */
  writeLine(row: number): void {
    const { text, tape, bases } = this.#batch.documents;
    const from = this.#writeHead(row);
    const end = tape[bases[row]! + 1]!;
    if (text[end] === NEWLINE) this.#writer.copy(text, from, end + 1);
    else {
      this.#writer.copy(text, from, end);
      this.#writer.byte(NEWLINE);
    }
  }

  /** Appends the row without a newline. */
  write(row: number): void {
    const { text, tape, bases } = this.#batch.documents;
    this.#writer.copy(text, this.#writeHead(row), tape[bases[row]! + 1]!);
  }

  /** Writes the row up to its last change; returns where the rest of its text begins. */
  #writeHead(row: number): number {
    const { text, tape, bases, shapeOf } = this.#batch.documents;
    const writer = this.#writer;
    const shape = shapeOf[row]!;
    const plan = this.#plans[shape] ?? this.#plan(shape);
    const base = bases[row]!;
    let from = tape[base]!; // what is not yet copied begins here
    let cuts = 0; // fields cut so far
    for (const { position, column } of plan.edits) {
      const at = base + ROW_HEAD + 2 * position;
      const state = column === undefined ? undefined : column.state(row);
      if (state === INHERITS) continue;
      const valueEnd = tape[at + 1]! >>> 3;
      if (column !== undefined && (state === HAS_VALUE || state === IS_NULL)) {
        writer.copy(text, from, tape[at]!);
        appendValue(column, row, state, writer);
        from = valueEnd;
        continue;
      }
      // Cut key and value with the comma before them or, when nothing is kept before, the one behind.
      writer.copy(text, from, position === 0 ? tape[base]! + 1 : tape[at - 1]! >>> 3);
      from = position === cuts ? skipComma(text, valueEnd) : valueEnd;
      cuts++;
    }
    if (plan.additions.length > 0) {
      const last = plan.fields === 0 ? tape[base]! + 1 : tape[base + 2 * plan.fields + 1]! >>> 3;
      if (from < last) {
        writer.copy(text, from, last);
        from = last;
      }
      this.#add(plan, row, cuts < plan.fields);
    }
    return from;
  }

  #add(plan: Plan, row: number, anyBefore: boolean): void {
    const writer = this.#writer;
    let comma = anyBefore;
    for (const { column, key } of plan.additions) {
      const state = column.state(row);
      if (state !== HAS_VALUE && state !== IS_NULL) continue;
      if (comma) writer.byte(COMMA);
      comma = true;
      writer.copy(key, 0, key.length);
      appendValue(column, row, state, writer);
    }
  }

  #plan(shape: number): Plan {
    const { own, removed, documents } = this.#batch;
    const list = documents.shapes.lists[shape]!;
    const inPlace = new Set<string>();
    const edits: Edit[] = [];
    list.forEach((field, position) => {
      const name = documents.shapes.names[field]!;
      const column = removed.has(name) ? undefined : own.get(name);
      if (!column && !removed.has(name)) return;
      if (column) inPlace.add(name);
      edits.push({ position, column });
    });
    const additions = this.#additions.filter(({ column }) => !inPlace.has(column.name));
    const plan = { fields: list.length, edits, additions };
    this.#plans[shape] = plan;
    return plan;
  }
}

function appendValue(column: OwnColumn, row: number, state: number, writer: ByteWriter): void {
  if (state === IS_NULL) writer.ascii("null");
  else column.appendJson(row, writer);
}

function skipComma(text: Bytes, from: number): number {
  const at = skipSpace(text, from);
  return text[at] === COMMA ? at + 1 : from;
}

function keyText(name: string): Bytes {
  const writer = new ByteWriter(64);
  appendJsonString(writer, name);
  writer.byte(58);
  return writer.buffer.subarray(0, writer.length) as Bytes; // a view of Bytes is Bytes; the public type says Buffer
}

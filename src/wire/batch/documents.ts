/**
 * The documents of a batch: the original JSON text of each row and the index that one scan made of it.
 *
 * The index (`tape`) is one run of integers per row: start and end of the row's text, then start and end of every value
 * in text order, the end packed with the value's kind. Which field a place belongs to is said by the row's *shape*, the
 * list of field numbers shared by all rows with the same keys in the same order. So the index grows with the text and
 * never with rows times fields, and a row of a batch is two integers: its shape and where its run begins. Selecting
 * rows copies those two and nothing else. A row without a document (Arrow input) has the document `{}`.
 */
import { isAscii } from "node:buffer";
import { assert } from "../../base/errors.ts";
import type { Bytes } from "./bytes.ts";
import { asBytes } from "./bytes.ts";

/** Places in front of a row's first value in its run: start and end of the row's text. */
export const ROW_HEAD = 2;

export interface Shapes {
  /** Field number to name. */
  readonly names: readonly string[];
  /** Shape number to its field numbers in text order. */
  readonly lists: readonly Int32Array[];
}

export interface DocumentParts {
  readonly text: Bytes;
  readonly tape: Int32Array;
  /** Where each row's run begins in the tape. */
  readonly bases: Int32Array;
  readonly shapeOf: Int32Array;
  readonly shapes: Shapes;
}

export class Documents implements DocumentParts {
  readonly rows: number;
  readonly text: Bytes;
  readonly tape: Int32Array;
  readonly bases: Int32Array;
  readonly shapeOf: Int32Array;
  readonly shapes: Shapes;
  #fields: Map<string, number> | undefined;
  #isAscii: boolean | undefined;

  constructor(parts: DocumentParts) {
    assert(parts.bases.length === parts.shapeOf.length, "each row has a run and a shape");
    this.text = parts.text;
    this.tape = parts.tape;
    this.bases = parts.bases;
    this.shapeOf = parts.shapeOf;
    this.shapes = parts.shapes;
    this.rows = parts.shapeOf.length;
  }

  /** Names of the fields that some row has, in order of first appearance. */
  get names(): Iterable<string> {
    return this.#fieldMap().keys();
  }

  /** The field's number, or undefined when no row has it. */
  field(name: string): number | undefined {
    return this.#fieldMap().get(name);
  }

  /** The row's text as it came in. */
  rowText(row: number): string {
    const base = this.bases[row]!;
    this.#isAscii ??= isAscii(this.text);
    const start = this.tape[base]!;
    const end = this.tape[base + 1]!;
    return this.#isAscii ? this.text.latin1Slice(start, end) : this.text.utf8Slice(start, end);
  }

  /** Shape number to the field's place behind a row's base, -1 where the shape lacks it. */
  places(field: number): Int32Array {
    return Int32Array.from(this.shapes.lists, (list) => {
      const position = list.indexOf(field);
      return position < 0 ? -1 : ROW_HEAD + 2 * position;
    });
  }

  /** The same documents narrowed to the given rows, in that order. */
  gather(rows: Int32Array): Documents {
    const { bases, shapeOf } = this;
    return new Documents({
      text: this.text,
      tape: this.tape,
      shapes: this.shapes,
      bases: rows.map((row) => bases[row]!),
      shapeOf: rows.map((row) => shapeOf[row]!),
    });
  }

  /** The same documents with some parts replaced. */
  with(parts: Partial<DocumentParts>): Documents {
    const { text, tape, bases, shapeOf, shapes } = this;
    return new Documents({ text, tape, bases, shapeOf, shapes, ...parts });
  }

  #fieldMap(): Map<string, number> {
    if (this.#fields) return this.#fields;
    const { lists, names } = this.shapes;
    this.#fields = new Map();
    for (const shape of this.usedShapes()) {
      for (const field of lists[shape]!) {
        const name = names[field]!;
        if (!this.#fields.has(name)) this.#fields.set(name, field);
      }
    }
    return this.#fields;
  }

  /** Numbers of the shapes that rows have, in order of first appearance. */
  usedShapes(): Iterable<number> {
    if (this.rows === 0) return [];
    if (this.shapes.lists.length === 1) return [0];
    const used = new Set<number>();
    const { shapeOf } = this;
    let last = -1;
    for (let row = 0; row < shapeOf.length; row++) {
      if (shapeOf[row] === last) continue;
      last = shapeOf[row]!;
      used.add(last);
    }
    return used;
  }
}

/** Documents for rows that have none: `{}` each. */
export function emptyDocuments(rows: number): Documents {
  return new Documents({
    text: asBytes(new Uint8Array([123, 125])),
    tape: new Int32Array([0, 2]),
    bases: new Int32Array(rows),
    shapeOf: new Int32Array(rows),
    shapes: { names: [], lists: [new Int32Array(0)] },
  });
}

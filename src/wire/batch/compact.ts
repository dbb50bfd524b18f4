/**
 * Documents made ready to be written: only the rows that go on, their runs one after the other, appended records as
 * rows behind them. The text is left alone unless more than half of it is dead weight.
 */
import { Failure } from "../../base/errors.ts";
import { asBytes, type Bytes } from "./bytes.ts";
import { type Documents, ROW_HEAD } from "./documents.ts";
import { MAX_TEXT_BYTES } from "./limits.ts";

export interface CompactDocuments {
  readonly rows: number;
  /** Parts of the text, one behind the other. */
  readonly text: readonly Uint8Array[];
  readonly tape: readonly Int32Array[];
  readonly shapeOf: Int32Array;
  readonly names: readonly string[];
  readonly lists: readonly Int32Array[];
}

export function compactDocuments(documents: Documents, appended: Documents | undefined): CompactDocuments {
  const head = pruned(trimmed(dense(documents)));
  if (!appended || appended.rows === 0) {
    const { text, tape, shapeOf, shapes } = head;
    return { rows: head.rows, text: [text], tape: [tape], shapeOf, ...shapes };
  }
  return joined(head, appended);
}

/** The documents with a tape that holds the rows' runs in order and nothing else. */
function dense(documents: Documents): Documents {
  const { tape, bases, shapeOf, shapes } = documents;
  const lengths = Int32Array.from(shapes.lists, (list) => ROW_HEAD + 2 * list.length);
  const denseBases = new Int32Array(bases.length);
  let length = 0;
  let moved = false;
  for (let row = 0; row < bases.length; row++) {
    denseBases[row] = length;
    moved ||= bases[row] !== length;
    length += lengths[shapeOf[row]!]!;
  }
  if (!moved && length === tape.length) return documents;
  const denseTape = new Int32Array(length);
  let at = 0;
  for (let row = 0; row < bases.length; row++) {
    const end = bases[row]! + lengths[shapeOf[row]!]!;
    for (let from = bases[row]!; from < end; from++) denseTape[at++] = tape[from]!;
  }
  return documents.with({ tape: denseTape, bases: denseBases });
}

/** Copies the rows' text together when that frees more than half. Takes dense documents. */
function trimmed(documents: Documents): Documents {
  const { text, tape, bases } = documents;
  let used = 0;
  for (let row = 0; row < bases.length; row++) used += tape[bases[row]! + 1]! - tape[bases[row]!]! + 1;
  if (used * 2 >= text.length) return documents;
  const copy = asBytes(new Uint8Array(used));
  const moved = new Int32Array(tape.length);
  let at = 0;
  for (let row = 0; row < bases.length; row++) {
    const base = bases[row]!;
    const start = tape[base]!;
    const end = tape[base + 1]!;
    text.copy(copy, at, start, end);
    shiftRun(tape, base, row + 1 < bases.length ? bases[row + 1]! : tape.length, at - start, moved);
    at += end - start;
    copy[at++] = 10;
  }
  return documents.with({ text: copy, tape: moved });
}

/** Copies one row's run with all its positions moved by `delta`. */
function shiftRun(tape: Int32Array, from: number, to: number, delta: number, target: Int32Array): void {
  target[from] = tape[from]! + delta;
  target[from + 1] = tape[from + 1]! + delta;
  for (let at = from + ROW_HEAD; at < to; at += 2) {
    target[at] = tape[at]! + delta;
    target[at + 1] = tape[at + 1]! + (delta << 3);
  }
}

/** Forgets shapes and names that no row has. */
function pruned(documents: Documents): Documents {
  const { shapes } = documents;
  const used = [...documents.usedShapes()];
  if (used.length === shapes.lists.length) return documents;
  const names: string[] = [];
  const fieldOf = new Map<number, number>();
  const shapeOf = new Map<number, number>();
  const lists = used.map((shape, index) => {
    shapeOf.set(shape, index);
    return shapes.lists[shape]!.map((field) => {
      let renamed = fieldOf.get(field);
      if (renamed === undefined) {
        renamed = names.push(shapes.names[field]!) - 1;
        fieldOf.set(field, renamed);
      }
      return renamed;
    });
  });
  return documents.with({ shapes: { names, lists }, shapeOf: documents.shapeOf.map((shape) => shapeOf.get(shape)!) });
}

/** Both documents as one. */
function joined(head: Documents, tail: Documents): CompactDocuments {
  const names = [...head.shapes.names];
  const fields = new Map(names.map((name, field) => [name, field]));
  const fieldOf = tail.shapes.names.map((name) => fields.get(name) ?? names.push(name) - 1);
  const lists = [...head.shapes.lists, ...tail.shapes.lists.map((list) => list.map((field) => fieldOf[field]!))];
  const shapeOf = new Int32Array(head.rows + tail.rows);
  shapeOf.set(head.shapeOf);
  shapeOf.set(
    tail.shapeOf.map((shape) => shape + head.shapes.lists.length),
    head.rows,
  );
  const delta = head.text.length;
  if (delta + tail.text.length > MAX_TEXT_BYTES) {
    throw new Failure(
      "batch.too_large",
      `a batch of ${delta + tail.text.length} bytes of text; at most ${MAX_TEXT_BYTES} are allowed`,
    );
  }
  const shifted = new Int32Array(tail.tape.length);
  for (let row = 0; row < tail.rows; row++) {
    const end = row + 1 < tail.rows ? tail.bases[row + 1]! : tail.tape.length;
    shiftRun(tail.tape, tail.bases[row]!, end, delta, shifted);
  }
  const text: Bytes[] = [head.text, tail.text];
  return { rows: shapeOf.length, text, tape: [head.tape, shifted], shapeOf, names, lists };
}

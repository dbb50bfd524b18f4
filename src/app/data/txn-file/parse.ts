/**
 * A transaction as people write it: `compare`, `then` and `else`, each followed by lines of what must hold or what is done; `group NAME`
 * before them says where. Several groups make a distributed transaction, which has no `else`. Every fault is found in one go.
 */
import { nearMiss } from "../../../base/near-miss.ts";
import { type Compare, TRANSACTION_OPERATIONS_MAX, type TransactionOperation } from "../../../data/words/index.ts";
import type { Fault } from "../../../work/pipeline/file/index.ts";
import { compares, type Form, operations } from "./line-forms.ts";
import { Cursor, LineFault, type Word, wordsOf } from "./line-words.ts";

export interface TransactionPart {
  readonly group: string | undefined;
  readonly compare: readonly Compare[];
  readonly done: readonly TransactionOperation[];
  readonly otherwise: readonly TransactionOperation[];
}

export interface ParsedTransaction {
  readonly parts: readonly TransactionPart[];
  readonly faults: readonly Fault[];
}

/** More are not read on for. */
const FAULTS_MAX = 50;
const SECTIONS = ["group", "compare", "then", "else"] as const;
type Section = "compare" | "then" | "else";

interface Draft {
  readonly group: string | undefined;
  /** Its line, and that of its `else`. */
  readonly line: number;
  elseLine?: number;
  readonly compare: Compare[];
  readonly done: TransactionOperation[];
  readonly otherwise: TransactionOperation[];
  section: Section | undefined;
}

export function parseTransaction(text: string, file: string): ParsedTransaction {
  const reader = new Reader();
  const faults: Fault[] = [];
  const note = (line: number, fault: LineFault): void => {
    const { allowed, code, column, field, message, suggestion } = fault;
    if (faults.length < FAULTS_MAX) {
      faults.push({
        file,
        line,
        column,
        code,
        field,
        message,
        allowed,
        ...(suggestion !== undefined && { suggestion }),
      });
    }
  };
  for (const [at, line] of linesOf(text).entries()) {
    try {
      reader.read(line, at + 1);
    } catch (thrown) {
      if (!(thrown instanceof LineFault)) throw thrown;
      note(at + 1, thrown);
    }
  }
  for (const [line, fault] of reader.wholeFaults(faults.length > 0)) note(line, fault);
  return { parts: reader.drafts, faults };
}

function linesOf(text: string): string[] {
  return text.replace(/^\ufeff/, "").split(/\r?\n/);
}

class Reader {
  readonly drafts: Draft[] = [];

  read(line: string, number: number): void {
    const words = wordsOf(line);
    const [first] = words;
    if (!first) return;
    const cursor = new Cursor(words.slice(1), line);
    const section = first.isQuoted ? undefined : SECTIONS.find((each) => each === first.text);
    if (section === "group") return this.#beginGroup(cursor, first, number);
    if (section) return this.#beginSection(section, cursor, first, number);
    this.#line(cursor, first);
  }

  /** What no line alone can say. */
  *wholeFaults(hasOthers: boolean): Generator<[line: number, LineFault]> {
    const allowed = "compare and then, each with lines of their own";
    if (this.drafts.every((draft) => draft.done.length + draft.otherwise.length === 0) && !hasOthers) {
      yield [1, new LineFault("empty", { column: 1, field: "file" }, "nothing is to be done", { allowed })];
    }
    for (const { elseLine } of this.drafts) {
      if (this.drafts.length < 2 || elseLine === undefined) continue;
      const message = "else stands in a transaction over several groups";
      const place = { column: 1, field: "else" };
      yield [elseLine, new LineFault("else", place, message, { allowed: "else with one group only" })];
    }
  }

  #beginGroup(cursor: Cursor, first: Word, line: number): void {
    const group = cursor.name("group");
    cursor.end("nothing behind the group's name");
    const known = this.drafts.find((each) => each.group === group || each.group === undefined);
    if (known) {
      const message =
        known.group === undefined ? "group stands behind lines of no group" : `group ${group} stands twice`;
      const allowed = "each group once, before its lines";
      throw new LineFault("group", { column: first.column, field: "group" }, message, { allowed });
    }
    this.drafts.push({ group, line, compare: [], done: [], otherwise: [], section: undefined });
  }

  #beginSection(section: Section, cursor: Cursor, { column }: Word, line: number): void {
    cursor.end(`${section} alone on its line`);
    const draft = this.#draft(line);
    const order: readonly (Section | undefined)[] = [undefined, "compare", "then", "else"];
    if (order.indexOf(section) <= order.indexOf(draft.section)) {
      const message = `${section} stands behind ${draft.section}`;
      throw new LineFault("section", { column, field: section }, message, {
        allowed: "compare, then, else, in this order",
      });
    }
    draft.section = section;
    if (section === "else") draft.elseLine = line;
  }

  #line(cursor: Cursor, first: Word): void {
    const draft = this.drafts.at(-1);
    if (draft?.section === undefined) throw unknown(first, SECTIONS, SECTIONS.join(", "));
    if (draft.section === "compare") draft.compare.push(read(compares, cursor, first));
    else (draft.section === "then" ? draft.done : draft.otherwise).push(read(operations, cursor, first));
    const count = Math.max(draft.compare.length, draft.done.length, draft.otherwise.length);
    if (count <= TRANSACTION_OPERATIONS_MAX) return;
    const allowed = `${TRANSACTION_OPERATIONS_MAX} lines in a section`;
    throw new LineFault("too_many", { column: first.column, field: draft.section }, "one line too many", { allowed });
  }

  #draft(line: number): Draft {
    const last = this.drafts.at(-1);
    if (last) return last;
    const draft: Draft = { group: undefined, line, compare: [], done: [], otherwise: [], section: undefined };
    this.drafts.push(draft);
    return draft;
  }
}

function read<T>(forms: Readonly<Record<string, Form<T>>>, cursor: Cursor, first: Word): T {
  const form = Object.hasOwn(forms, first.text) && !first.isQuoted ? forms[first.text] : undefined;
  if (!form) throw unknown(first, [...Object.keys(forms), ...SECTIONS], shapesOf(forms));
  const result = form.read(cursor);
  cursor.end(form.shape);
  return result;
}

function shapesOf(forms: Readonly<Record<string, Form<unknown>>>): string {
  return Object.values(forms)
    .map(({ shape }) => shape)
    .join("; ");
}

function unknown({ column, text }: Word, known: readonly string[], allowed: string): LineFault {
  const suggestion = nearMiss(text, known);
  const message = `${JSON.stringify(text.slice(0, 40).toWellFormed())} is unknown here`;
  return new LineFault("unknown_word", { column, field: "line" }, message, { allowed, suggestion });
}

/**
 * The table behind a SQLite sink: made of the fields as they come, rows numbered by us. Columns have no declared type, so
 * each value keeps its own: SQLite would otherwise turn the text 007 into the number 7. Nested values are JSON text, bigger
 * integers than SQLite has are text, a missing field and null are both NULL.
 */
import type { Database, Statement } from "bun:sqlite";
import { Failure } from "../../../base/errors.ts";
import type { Batch, Column, Value } from "../../../sdk/index.ts";

type Bindable = null | boolean | number | bigint | string | Uint8Array;

/** The names under which SQLite knows a row's number, unless a column takes them. */
const ROW_NUMBER_NAMES = ["rowid", "_rowid_", "oid"] as const;
const INT64_MAX = 2n ** 63n - 1n;

export class SqliteTable {
  readonly name: string;
  readonly #database: Database;
  #columns: string[] = [];
  #insert: Statement | undefined;
  #rowNumber = "rowid";

  constructor(database: Database, name: string) {
    this.#database = database;
    this.name = name;
    this.#readColumns();
  }

  get exists(): boolean {
    return this.#columns.length > 0;
  }

  drop(): void {
    this.#database.run(`DROP TABLE IF EXISTS ${quoted(this.name)}`);
    this.#readColumns();
  }

  /** Takes out the rows behind the given number. */
  cutBack(lastRow: number): void {
    if (this.exists) this.#database.run(`DELETE FROM ${quoted(this.name)} WHERE ${this.#rowNumber} > ?`, [lastRow]);
  }

  /** Adds the batch's live rows behind `lastRow`; returns the number of the last one. */
  add(batch: Batch, lastRow: number): number {
    const fields = batch.columnNames;
    if (fields.length > 0) this.#widen(fields);
    const columns = this.#columns.map((name) => batch.column(name));
    let row = lastRow;
    for (let i = 0; i < batch.length; i++) {
      if (!batch.isLive(i)) continue;
      this.#statement().run(++row, ...columns.map((column) => bindable(column, i)));
    }
    return row;
  }

  /** Lets go of the statement in use; the database cannot close before. */
  release(): void {
    this.#insert?.finalize();
    this.#insert = undefined;
  }

  #widen(fields: readonly string[]): void {
    const missing = fields.filter((field) => !this.#columns.includes(field));
    if (missing.length === 0) return;
    const all = [...this.#columns, ...missing];
    this.#checkNames(all);
    if (this.exists) {
      for (const name of missing) this.#database.run(`ALTER TABLE ${quoted(this.name)} ADD COLUMN ${quoted(name)}`);
    } else this.#database.run(`CREATE TABLE ${quoted(this.name)} (${missing.map(quoted).join(", ")})`);
    this.#readColumns();
  }

  /** SQLite does not tell `Id` from `id`. */
  #checkNames(names: readonly string[]): void {
    const seen = new Map<string, string>();
    for (const name of names) {
      const other = seen.get(lower(name));
      if (other !== undefined || name.includes("\0")) throw this.#badName(name, other);
      seen.set(lower(name), name);
    }
    if (ROW_NUMBER_NAMES.every((name) => seen.has(name))) throw this.#badName("oid", "rowid and _rowid_");
  }

  #badName(name: string, other: string | undefined): Failure {
    const clash = other === undefined ? "it holds a NUL character" : `the table has ${JSON.stringify(other)} already`;
    return new Failure(
      "sink.column_name",
      `cannot write field ${JSON.stringify(name)} to table ${this.name}: ${clash}; rename or remove the field in a stage`,
    );
  }

  #readColumns(): void {
    const rows = ask(this.#database, "SELECT name FROM pragma_table_info(?) ORDER BY cid", this.name);
    this.#columns = rows.map(([name]) => String(name));
    const taken = new Set(this.#columns.map(lower));
    this.#rowNumber = ROW_NUMBER_NAMES.find((name) => !taken.has(name)) ?? "rowid";
    this.release();
  }

  #statement(): Statement {
    if (this.#insert !== undefined) return this.#insert;
    const names = [this.#rowNumber, ...this.#columns.map(quoted)];
    const values = names.map(() => "?");
    this.#insert = this.#database.prepare(
      `INSERT INTO ${quoted(this.name)} (${names.join(", ")}) VALUES (${values.join(", ")})`,
    );
    return this.#insert;
  }
}

function bindable(column: Column | undefined, row: number): Bindable {
  const value: Value | undefined = column?.get(row);
  if (value === undefined) return null;
  if (typeof value === "bigint") return value > INT64_MAX || value < -INT64_MAX - 1n ? value.toString() : value;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Buffer.from(column?.bytes(row) ?? []).toString("utf8");
}

/** SQLite's own folding: ASCII letters only. */
function lower(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** All rows of a query whose statement does not outlive it: a statement left behind keeps the database open. */
export function ask(database: Database, sql: string, ...params: (string | number)[]): unknown[][] {
  const statement = database.prepare(sql);
  try {
    return statement.values(...params);
  } finally {
    statement.finalize();
  }
}

/**
 * The sink's own record inside the database: for each of the last flushes its number, the last row it covers and a digest of
 * everything written up to it. It is written in the transaction that holds the rows, so a kill between that commit and
 * the checkpoint's leaves both: the position asked for and the rows behind it, which are then taken out.
 */
import type { Database } from "bun:sqlite";
import { Failure } from "../../../base/errors.ts";
import { ask } from "./sqlite-table.ts";

export interface Mark {
  readonly seq: number;
  readonly lastRow: number;
  readonly digest: string;
}

/** One flush may be ahead of the checkpoint; the others are for looking back when something is odd. */
const MARKS_KEPT = 8;
const TABLE = "_distributed_system_sink";

export class SqliteJournal {
  readonly #database: Database;
  readonly #table: string;

  constructor(database: Database, table: string) {
    if (table === TABLE)
      throw new Failure("sink.param", `cannot write to table ${table}: the name is taken for the sink's own record`);
    this.#database = database;
    this.#table = table;
    database.run(
      `CREATE TABLE IF NOT EXISTS ${TABLE} (name TEXT NOT NULL, seq INTEGER NOT NULL, last_row INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (name, seq))`,
    );
  }

  get isEmpty(): boolean {
    return ask(this.#database, `SELECT 1 FROM ${TABLE} WHERE name = ? LIMIT 1`, this.#table).length === 0;
  }

  /** Whether this flush took place in this database, with the same content before it. */
  has(mark: Mark): boolean {
    const sql = `SELECT 1 FROM ${TABLE} WHERE name = ? AND seq = ? AND last_row = ? AND digest = ?`;
    return ask(this.#database, sql, this.#table, mark.seq, mark.lastRow, mark.digest).length > 0;
  }

  add({ seq, lastRow, digest }: Mark): void {
    this.#database.run(`INSERT INTO ${TABLE} VALUES (?, ?, ?, ?)`, [this.#table, seq, lastRow, digest]);
    this.#database.run(`DELETE FROM ${TABLE} WHERE name = ? AND seq <= ?`, [this.#table, seq - MARKS_KEPT]);
  }

  /** Forgets the flushes behind this one. */
  cutBack(seq: number): void {
    this.#database.run(`DELETE FROM ${TABLE} WHERE name = ? AND seq > ?`, [this.#table, seq]);
  }
}

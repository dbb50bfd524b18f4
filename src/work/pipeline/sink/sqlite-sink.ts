/**
 * A table in a SQLite file, exactly once: `flush` commits the rows together with a mark (sqlite-journal.ts), and `open`
 * at a mark takes out what was committed behind it. Between two flushes everything is one transaction, so readers see whole
 * checkpoints only. A table that this sink did not make is never touched.
 */
import { Database, SQLiteError } from "bun:sqlite";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Failure } from "../../../base/errors.ts";
import { readBatch } from "../../../wire/batch/index.ts";
import { cannotOpen, changed, checkKind, writeFailed } from "./failures.ts";
import type { Sink, SinkPosition } from "./sink.ts";
import { type Mark, SqliteJournal } from "./sqlite-journal.ts";
import { SqliteTable } from "./sqlite-table.ts";

export interface SqliteOptions {
  readonly path: string;
  readonly table: string;
}

interface Opened {
  readonly database: Database;
  readonly journal: SqliteJournal;
  readonly table: SqliteTable;
}

/** Another program may hold the lock for the length of a transaction of its own. */
const BUSY_TIMEOUT_MS = 5000;
const FIRST: Mark = { seq: 0, lastRow: 0, digest: "" };

export class SqliteSink implements Sink {
  readonly encoding = "batch";
  readonly #options: SqliteOptions;
  #opened: Opened | undefined;
  #mark: Mark = FIRST;
  /** Of the transaction under way. */
  #lastRow = 0;
  #digest = "";
  #failure: Failure | undefined;

  constructor(options: SqliteOptions) {
    this.#options = options;
  }

  async open(position: SinkPosition | undefined): Promise<void> {
    await this.abort();
    this.#failure = undefined;
    if (position !== undefined) checkKind(position, "sqlite");
    try {
      this.#open(position === undefined ? undefined : (position.mark as Mark)); // made by `flush`
    } catch (thrown) {
      await this.abort();
      throw translate(this.#options.path, thrown, cannotOpen);
    }
  }

  async write(bytes: Uint8Array, batchId: string): Promise<void> {
    const { database, table } = this.#ready();
    try {
      if (!database.inTransaction) database.run("BEGIN IMMEDIATE");
      this.#lastRow = table.add(readBatch(bytes), this.#lastRow);
      this.#digest = Bun.hash.xxHash64(`${this.#digest}\n${batchId}\n${this.#lastRow}`).toString(16);
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  async flush(): Promise<SinkPosition> {
    const { database, journal } = this.#ready();
    if (database.inTransaction) {
      const mark = { seq: this.#mark.seq + 1, lastRow: this.#lastRow, digest: this.#digest };
      try {
        journal.add(mark);
        database.run("COMMIT");
      } catch (thrown) {
        throw this.#failed(thrown);
      }
      this.#mark = mark;
    }
    return { v: 1, kind: "sqlite", mark: this.#mark };
  }

  close(): Promise<void> {
    return this.abort();
  }

  /** The transaction under way, if any, is undone; an end of its own the file does not need. */
  async abort(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened === undefined) return;
    if (opened.database.inTransaction) opened.database.run("ROLLBACK");
    opened.table.release();
    opened.database.close();
  }

  #open(mark: Mark | undefined): void {
    const { path, table: name } = this.#options;
    if (mark !== undefined && !existsSync(path)) throw changed(path, "the file is gone");
    mkdirSync(dirname(resolve(path)), { recursive: true });
    const database = new Database(path, { create: true, readwrite: true });
    try {
      database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      database.run("PRAGMA journal_mode = WAL");
      database.run("PRAGMA synchronous = FULL");
      const opened = { database, journal: new SqliteJournal(database, name), table: new SqliteTable(database, name) };
      database
        .transaction(() => (mark === undefined ? this.#startAfresh(opened) : this.#goBack(opened, mark)))
        .immediate();
      this.#opened = opened;
    } catch (thrown) {
      database.close();
      throw thrown;
    }
    this.#mark = mark ?? FIRST;
    this.#lastRow = this.#mark.lastRow;
    this.#digest = this.#mark.digest;
  }

  #startAfresh({ journal, table }: Opened): void {
    if (table.exists && journal.isEmpty) {
      throw new Failure(
        "sink.table_exists",
        `cannot write table ${table.name} in ${this.#options.path}: it exists and was not made by a pipeline; choose another table= or drop it`,
      );
    }
    table.drop();
    journal.cutBack(-1);
    journal.add(FIRST);
  }

  #goBack({ journal, table }: Opened, mark: Mark): void {
    const { path } = this.#options;
    if (!journal.has(mark))
      throw changed(path, `table ${table.name} does not hold what was written up to the checkpoint`);
    if (mark.lastRow > 0 && !table.exists) throw changed(path, `table ${table.name} is gone`);
    table.cutBack(mark.lastRow);
    journal.cutBack(mark.seq);
  }

  #ready(): Opened {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#opened === undefined)
      throw new Failure("sink.not_open", `cannot write ${this.#options.path}: it is not open`);
    return this.#opened;
  }

  /** A transaction with half a batch in it must not be committed by a later flush. */
  #failed(thrown: unknown): Failure {
    const { database } = this.#ready();
    if (database.inTransaction) database.run("ROLLBACK");
    this.#failure = translate(this.#options.path, thrown, writeFailed);
    return this.#failure;
  }
}

function translate(path: string, thrown: unknown, otherwise: (path: string, thrown: unknown) => Failure): Failure {
  if (!(thrown instanceof SQLiteError)) return otherwise(path, thrown);
  if (thrown.code === "SQLITE_FULL")
    return writeFailed(path, Object.assign(new Error(thrown.message), { code: "ENOSPC" }));
  if (thrown.code?.startsWith("SQLITE_BUSY")) {
    return new Failure(
      "sink.busy",
      `cannot write ${path}: another program holds its lock for more than ${BUSY_TIMEOUT_MS} ms`,
      {
        retryable: true,
        cause: thrown,
      },
    );
  }
  return otherwise(path, thrown);
}

/**
 * The reports of one data directory, in one SQLite file that several processes may use at once. A report is there whole or as
 * it was before: each is written in one transaction, durable when `save` returns. The journal is SQLite's default one and no
 * write-ahead log: a report is written about once a second, and the file alone is everything. A bounded number is
 * kept, those not written for the longest time go.
 */
import { Database } from "bun:sqlite";
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { z } from "zod";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { type Report, reportSchema } from "./model.ts";
import {
  idMeant,
  lineOf,
  REPORTS_MAX,
  type ReportLine,
  readStored,
  reportLine,
  type StoredReports,
  unusedId,
} from "./stored-reports.ts";

/** Layout of the file. */
const VERSION = 1;
/** Others write for milliseconds; who holds the file longer is stuck. */
const BUSY_MS = 2_000;

export class ReportStore implements StoredReports {
  readonly #path: string;
  readonly #database: Database;
  readonly #max: number;

  private constructor(path: string, database: Database, max: number) {
    this.#path = path;
    this.#database = database;
    this.#max = max;
  }

  /** Makes the file where there is none. Fails with `report.unreadable` or `report.version`. */
  static open(path: string, max = REPORTS_MAX): ReportStore {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    } catch (thrown) {
      throw unreadable(path, thrown);
    }
    return ReportStore.#open(path, { create: true, readwrite: true }, max);
  }

  /** For who only reads: undefined where there is none. Fails as `open`. */
  static openExisting(path: string): ReportStore | undefined {
    return existsSync(path) ? ReportStore.#open(path, { readwrite: true }, REPORTS_MAX) : undefined;
  }

  static #open(path: string, options: { create?: boolean; readwrite: boolean }, max: number): ReportStore {
    let database: Database | undefined;
    try {
      database = new Database(path, options);
      database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
      database.run("PRAGMA synchronous = FULL");
      prepare(path, database);
      return new ReportStore(path, database, max);
    } catch (thrown) {
      database?.close();
      throw thrown instanceof Failure ? thrown : unreadable(path, thrown);
    }
  }

  /** An id that no report here has. */
  newId(name: string, nowMs: number, random: Random): string {
    return unusedId((id) => this.#body("SELECT body FROM report WHERE id = ?", id) !== undefined, name, nowMs, random);
  }

  /** Takes the place of the report of this id. Fails with `report.write_failed`. */
  save(report: Report): void {
    const { id, run, startedMs, updatedMs } = report;
    const [short, body] = [JSON.stringify(lineOf(report)), JSON.stringify(report)];
    const write = this.#database.transaction(() => {
      this.#database
        .query("INSERT OR REPLACE INTO report (id, run, started_ms, updated_ms, line, body) VALUES (?, ?, ?, ?, ?, ?)")
        .run(id, run, startedMs, updatedMs, short, body);
      this.#database
        .query(
          "DELETE FROM report WHERE id <> ?1 AND id NOT IN (SELECT id FROM report WHERE id <> ?1 ORDER BY updated_ms DESC, id LIMIT ?2)",
        )
        .run(id, this.#max - 1);
    });
    try {
      write.immediate();
    } catch (thrown) {
      const message = `writing report ${id} to ${this.#path}: ${messageOf(thrown)}; a file that can be written is required`;
      throw new Failure("report.write_failed", message, { cause: thrown });
    }
  }

  /** The latest begun first. */
  list(limit = this.#max): ReportLine[] {
    const rows = this.#read("SELECT line FROM report ORDER BY started_ms DESC, id LIMIT ?", limit);
    return rows.map((row) => this.#parsed(row.line, reportLine));
  }

  /**
   * By its id; by the name of what has run, then the latest one; by the beginning of its id or the last part of it, when only one
   * report has that. Fails with `report.not_found` or `report.ambiguous`, saying what there is.
   */
  get(written: string): Report {
    const exact = this.#body("SELECT body FROM report WHERE id = ?", written);
    if (exact !== undefined) return this.#parsed(exact, reportSchema);
    const id = idMeant(written, this.list(), this.#path);
    return this.#parsed(this.#body("SELECT body FROM report WHERE id = ?", id), reportSchema);
  }

  /** The report of a run that goes on. */
  ofRun(run: string): Report | undefined {
    const body = this.#body("SELECT body FROM report WHERE run = ? ORDER BY updated_ms DESC LIMIT 1", run);
    return body === undefined ? undefined : this.#parsed(body, reportSchema);
  }

  close(): void {
    this.#database.close();
  }

  #body(sql: string, value: string): unknown {
    return this.#read(sql, value)[0]?.body;
  }

  #read(sql: string, ...values: (string | number)[]): Record<string, unknown>[] {
    try {
      return this.#database.query(sql).all(...values) as Record<string, unknown>[]; // what the columns hold is checked where it is used
    } catch (thrown) {
      throw unreadable(this.#path, thrown);
    }
  }

  #parsed<T>(text: unknown, schema: z.ZodType<T>): T {
    return readStored(() => JSON.parse(String(text)), schema, this.#path);
  }
}

/** In one step, also when two processes do it at once. */
function prepare(path: string, database: Database): void {
  if (versionOf(database) === 0) {
    database
      .transaction(() => {
        database.run(
          "CREATE TABLE IF NOT EXISTS report (id TEXT PRIMARY KEY, run TEXT NOT NULL, started_ms REAL NOT NULL, updated_ms REAL NOT NULL, line TEXT NOT NULL, body TEXT NOT NULL)",
        );
        database.run("CREATE INDEX IF NOT EXISTS report_run ON report (run)");
        database.run(`PRAGMA user_version = ${VERSION}`);
      })
      .immediate();
  }
  const version = versionOf(database);
  if (version !== VERSION) {
    const message = `${path} has layout ${version}; this program reads ${VERSION}: move the file away, or use another --data-dir`;
    throw new Failure("report.version", message);
  }
}

function versionOf(database: Database): number {
  return (database.query("PRAGMA user_version").get() as { user_version: number }).user_version; // SQLite's own form
}

function unreadable(path: string, thrown: unknown): Failure {
  const message = `cannot use the reports in ${path}: ${messageOf(thrown)}; a file of reports is required`;
  return new Failure("report.unreadable", message, { cause: thrown });
}

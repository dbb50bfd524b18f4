/**
 * What is known of runs and their tasks, in one SQLite file of a data directory. Changes of a running graph go through a journal that
 * commits them in groups; order is kept, so a task on disk never lacks what it was started on.
 */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import {
  type NewRun,
  noSuchRun,
  RUNS_MAX,
  type StoredRun,
  type StoredTask,
  type StoredTaskRuns,
  type TimedChange,
} from "./stored-runs.ts";
import type { Json, TaskGraph } from "./types.ts";

/** Layout of the file. A file of another version is refused, not guessed at. */
const VERSION = 1;

/** Several runs write one file: each commit takes a millisecond or so. */
const BUSY_TIMEOUT_MS = 10_000;

const TABLES = `
CREATE TABLE IF NOT EXISTS run (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, name TEXT NOT NULL, file TEXT NOT NULL, fingerprint TEXT NOT NULL,
  state TEXT NOT NULL, tasks INTEGER NOT NULL, started_ms REAL NOT NULL, ended_ms REAL, owner TEXT,
  graph TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS task (
  run INTEGER NOT NULL, task INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
  started_ms REAL, ended_ms REAL, took_ms REAL, code TEXT, reason TEXT, PRIMARY KEY (run, task)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS output (
  run INTEGER NOT NULL, task INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (run, task)
);`;

const RUN_COLUMNS = "id, name, file, fingerprint, state, tasks, started_ms AS startedMs, ended_ms AS endedMs";
const TASK_COLUMNS =
  "task, state, attempts, started_ms AS startedMs, ended_ms AS endedMs, took_ms AS tookMs, code, reason";
const SAVE_TASK = `INSERT INTO task (run, task, state, attempts, started_ms, ended_ms, took_ms, code, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, task) DO UPDATE SET state = excluded.state,
attempts = excluded.attempts, started_ms = coalesce(started_ms, excluded.started_ms), ended_ms = excluded.ended_ms,
took_ms = coalesce(excluded.took_ms, took_ms), code = excluded.code, reason = excluded.reason`;

export class TaskStore implements StoredTaskRuns {
  readonly #database: Database;
  readonly #runsMax: number;

  private constructor(database: Database, runsMax: number) {
    this.#database = database;
    this.#runsMax = runsMax;
  }

  /** Opens or makes the file. Fails with `task.store.*`. */
  static open(path: string, runsMax = RUNS_MAX): TaskStore {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    let database: Database | undefined;
    try {
      database = new Database(path, { create: true });
      database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      database.run("PRAGMA journal_mode = WAL");
      database.run("PRAGMA synchronous = FULL");
      checkVersion(database, path);
      return new TaskStore(database, runsMax);
    } catch (thrown) {
      database?.close();
      if (thrown instanceof Failure) throw thrown;
      throw new Failure("task.store.unreadable", `opening ${path}: ${messageOf(thrown)}`, { cause: thrown });
    }
  }

  /** Durable when it returns. */
  createRun(run: NewRun, graph: TaskGraph): void {
    const { id, name, file, fingerprint, owner = null, startedMs } = run;
    const sql = `INSERT INTO run (id, name, file, fingerprint, state, tasks, started_ms, owner, graph)
      VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?)`;
    const text = JSON.stringify(graph);
    this.#database.query(sql).run(id, name, file, fingerprint, graph.tasks.length, startedMs, owner, text);
    this.#forgetOld();
  }

  /** It goes on, and from now on it is this owner's, with so many tasks at once where that is said anew. */
  reopenRun(id: string, owner: string | null, parallel?: number): void {
    const sql = "UPDATE run SET state = 'running', ended_ms = NULL, owner = ? WHERE id = ?";
    this.#database.query(sql).run(owner, id);
    if (parallel === undefined) return;
    const text = JSON.stringify({ ...this.graph(id), parallel });
    this.#database.query("UPDATE run SET graph = ? WHERE id = ?").run(text, id);
  }

  endRun(id: string, state: StoredRun["state"], endedMs: number | null): void {
    this.#database.query("UPDATE run SET state = ?, ended_ms = ? WHERE id = ?").run(state, endedMs, id);
  }

  run(id: string): StoredRun | undefined {
    const sql = `SELECT ${RUN_COLUMNS} FROM run WHERE id = ?`;
    return (this.#database.query(sql).get(id) as StoredRun | null) ?? undefined; // the columns are named as it has them
  }

  /** The latest first. */
  runs(limit: number): readonly StoredRun[] {
    const sql = `SELECT ${RUN_COLUMNS} FROM run ORDER BY number DESC LIMIT ?`;
    return this.#database.query(sql).all(limit) as StoredRun[]; // likewise
  }

  /** Those of this owner that have not ended, the oldest first. */
  runsOf(owner: string): readonly StoredRun[] {
    const sql = `SELECT ${RUN_COLUMNS} FROM run WHERE owner = ? AND state = 'running' ORDER BY number`;
    return this.#database.query(sql).all(owner) as StoredRun[]; // likewise
  }

  graph(id: string): TaskGraph {
    const row = this.#database.query("SELECT graph FROM run WHERE id = ?").get(id) as { graph: string };
    return JSON.parse(row.graph) as TaskGraph; // written by createRun, under the same version
  }

  /** Those that have begun or ended, by number. */
  tasks(id: string): readonly StoredTask[] {
    const sql = `SELECT ${TASK_COLUMNS} FROM task WHERE run = ? ORDER BY task`;
    return this.#database.query(sql).all(this.#numberOf(id)) as StoredTask[]; // likewise
  }

  output(id: string, task: number): Json | undefined {
    const sql = "SELECT json FROM output WHERE run = ? AND task = ?";
    const row = this.#database.query(sql).get(this.#numberOf(id), task) as { json: string } | null;
    return row ? (JSON.parse(row.json) as Json) : undefined;
  }

  /** All of them or none; durable when it returns. */
  save(id: string, changes: Iterable<TimedChange>): void {
    const run = this.#numberOf(id);
    const saveTask = this.#database.query(SAVE_TASK);
    const saveOutput = this.#database.query("INSERT OR REPLACE INTO output (run, task, json) VALUES (?, ?, ?)");
    this.#database
      .transaction(() => {
        for (const { attempts, code, endedMs, output, reason, startedMs, state, task, tookMs } of changes) {
          const times = [startedMs ?? null, endedMs ?? null, tookMs ?? null] as const;
          saveTask.run(run, task, state, attempts, ...times, code ?? null, reason ?? null);
          if (output !== undefined) saveOutput.run(run, task, output);
        }
      })
      .immediate();
  }

  /** Forgets failed and skipped tasks, so that a resumed run does them again. */
  forgetFailed(id: string): void {
    const sql = "DELETE FROM task WHERE run = ? AND state IN ('failed', 'skipped')";
    this.#database.query(sql).run(this.#numberOf(id));
  }

  close(): void {
    this.#database.close();
  }

  #forgetOld(): void {
    const old = `SELECT number FROM run WHERE state IN ('done', 'failed') ORDER BY number DESC LIMIT -1 OFFSET ${this.#runsMax}`;
    this.#database
      .transaction(() => {
        for (const table of ["output", "task"]) this.#database.run(`DELETE FROM ${table} WHERE run IN (${old})`);
        this.#database.run(`DELETE FROM run WHERE number IN (${old})`);
      })
      .immediate();
  }

  #numberOf(id: string): number {
    const row = this.#database.query("SELECT number FROM run WHERE id = ?").get(id) as { number: number } | null;
    if (row) return row.number;
    throw noSuchRun(id);
  }
}

function checkVersion(database: Database, path: string): void {
  database
    .transaction(() => {
      const { user_version: version } = database.query("PRAGMA user_version").get() as { user_version: number };
      if (version !== 0 && version !== VERSION) {
        const message = `${path} has version ${version}, this program reads ${VERSION}; another --data-dir is required`;
        throw new Failure("task.store.version", message);
      }
      if (version === VERSION) return;
      for (const sql of TABLES.split(";")) if (sql.trim() !== "") database.run(sql);
      database.run(`PRAGMA user_version = ${VERSION}`);
    })
    .immediate();
}

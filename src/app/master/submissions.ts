/**
 * What a master was asked to run, and how far that is wished: on disk before anybody is told that it was taken, so that a
 * master that is started again goes on with it. How far the records are, the checkpoint of each pipeline knows. Which workers a
 * person wants to have no work stands here too.
 */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { Failure, messageOf } from "../../base/errors.ts";

/** Those that are over and are kept, for `pipelines` to list; the oldest go. Their reports stay longer. */
const OVER_MAX = 200;
/** More workers than a cluster of this kind has: each was here once, and a person has named it. */
const DRAINED_MAX = 1_024;

const submission = z.object({
  id: z.string(),
  name: z.string(),
  path: z.string(),
  state: z.enum(["running", "paused", "ended", "failed", "cancelled"]),
  detail: z.string().optional(),
  /** Asked for with the submission, and until the first checkpoint. */
  fresh: z.boolean(),
  /** The run that it has begun, as its checkpoint names it. */
  run: z.string().optional(),
  input: z.string().optional(),
  output: z.string().optional(),
  submittedMs: z.number(),
  /** Whose it is, when nobody has submitted it by hand: the task of a graph. */
  origin: z.string().optional(),
  rewinds: z.number(),
  /** When it last stopped, for who asks after a restart. */
  records: z.object({ read: z.number(), written: z.number(), deadLettered: z.number() }).optional(),
});

export type Submission = z.output<typeof submission>;

export class Submissions {
  readonly #path: string;
  readonly #database: Database;

  /** Fails with `master.in_use` when another master of this id runs with this data directory. */
  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#database = new Database(path, { create: true });
    try {
      this.#database.run("PRAGMA locking_mode = EXCLUSIVE");
      this.#database.run("PRAGMA journal_mode = WAL");
      this.#database.run("PRAGMA synchronous = FULL");
      this.#database.run("CREATE TABLE IF NOT EXISTS submission (id TEXT PRIMARY KEY, at INTEGER, body TEXT)");
      this.#database.run("CREATE TABLE IF NOT EXISTS drained (worker TEXT PRIMARY KEY)");
    } catch (thrown) {
      this.#database.close();
      const message = `cannot use ${path}: ${messageOf(thrown)}; a master has one process and a file of its own`;
      throw new Failure("master.in_use", message, { cause: thrown });
    }
  }

  /** The oldest first. */
  all(): readonly Submission[] {
    const rows = this.#database.query("SELECT body FROM submission ORDER BY at, id").all() as { body: string }[];
    return rows.map(({ body }) => submission.parse(JSON.parse(body)));
  }

  /** Durable when it returns; gives the ids of those that are forgotten for it. Fails with `master.store`: nothing has changed then. */
  save(entry: Submission): readonly string[] {
    return this.#write(`the submission ${entry.id}`, () => {
      this.#database
        .query("INSERT OR REPLACE INTO submission (id, at, body) VALUES (?, ?, ?)")
        .run(entry.id, entry.submittedMs, JSON.stringify(entry));
      const forgotten = this.#database.query(
        "DELETE FROM submission WHERE id IN (SELECT id FROM submission WHERE json_extract(body, '$.state') IN ('ended', 'failed', 'cancelled') ORDER BY at DESC, id DESC LIMIT -1 OFFSET ?) RETURNING id",
      );
      return (forgotten.all(OVER_MAX) as { id: string }[]).map(({ id }) => id);
    });
  }

  /** Workers that were told to have no work. */
  drained(): readonly string[] {
    const rows = this.#database.query("SELECT worker FROM drained ORDER BY worker").all() as { worker: string }[];
    return rows.map(({ worker }) => worker);
  }

  /** Durable when it returns. Fails with `master.store` or `master.too_many`. */
  setDrained(worker: string, on: boolean): void {
    this.#write(`that ${worker} ${on ? "drains" : "works again"}`, () => {
      if (!on) return void this.#database.query("DELETE FROM drained WHERE worker = ?").run(worker);
      this.#database.query("INSERT OR IGNORE INTO drained (worker) VALUES (?)").run(worker);
      const { count } = this.#database.query("SELECT count(*) AS count FROM drained").get() as { count: number };
      if (count <= DRAINED_MAX) return;
      throw new Failure("master.too_many", `${count} workers would drain; at most ${DRAINED_MAX} are allowed`);
    });
  }

  close(): void {
    this.#database.close();
  }

  /** A disk that is full now may have room later. */
  #write<T>(what: string, change: () => T): T {
    try {
      return this.#database.transaction(change)();
    } catch (thrown) {
      if (thrown instanceof Failure) throw thrown;
      const message = `cannot store ${what} in ${this.#path}: ${messageOf(thrown)}; a file that can be written is required`;
      throw new Failure("master.store", message, { cause: thrown, retryable: true });
    }
  }
}

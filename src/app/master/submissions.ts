/**
 * What a master was asked to run, and how far that is wished: on disk before anybody is told that it was taken, so that a
 * master that is started again goes on with it. How far the records are, the checkpoint of each pipeline knows.
 */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { Failure, messageOf } from "../../base/errors.ts";

/** Ended ones that are kept, for `pipelines` to list; the oldest go. Their reports stay longer. */
const ENDED_MAX = 200;

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
  readonly #database: Database;

  /** Fails with `master.in_use` when another master of this id runs with this data directory. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#database = new Database(path, { create: true });
    try {
      this.#database.run("PRAGMA locking_mode = EXCLUSIVE");
      this.#database.run("PRAGMA journal_mode = WAL");
      this.#database.run("PRAGMA synchronous = FULL");
      this.#database.run("CREATE TABLE IF NOT EXISTS submission (id TEXT PRIMARY KEY, at INTEGER, body TEXT)");
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

  /** Durable when it returns. */
  save(entry: Submission): void {
    this.#database.transaction(() => {
      this.#database
        .query("INSERT OR REPLACE INTO submission (id, at, body) VALUES (?, ?, ?)")
        .run(entry.id, entry.submittedMs, JSON.stringify(entry));
      const ended = this.all().filter(({ state }) => state === "ended" || state === "cancelled");
      for (const { id } of ended.slice(0, -ENDED_MAX))
        this.#database.query("DELETE FROM submission WHERE id = ?").run(id);
    })();
  }

  close(): void {
    this.#database.close();
  }
}

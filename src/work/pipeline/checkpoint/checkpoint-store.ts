/**
 * Where a run stands, in one SQLite file: the source's position, the sink's, the dead letters', the counts and every
 * stage's state change in one transaction, or not at all. The file is locked while a run uses it: two runs of one
 * pipeline at once would each undo the other's output.
 */
import { Database } from "bun:sqlite";
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { Failure, messageOf } from "../../../base/errors.ts";
import { bodyOf, type Checkpoint, type Checkpoints, VERSION } from "./checkpoint.ts";

/** Who finds out that the file is in use has a lock for a moment: two that look at once must not turn each other away. */
const LOOK_MS = 50;

export class CheckpointStore implements Checkpoints {
  readonly #database: Database;
  readonly #path: string;

  private constructor(database: Database, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** Opens or makes the file. Fails with `checkpoint.in_use` or `checkpoint.unreadable`. */
  static open(path: string): CheckpointStore {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const database = new Database(path, { create: true });
    try {
      database.run(`PRAGMA busy_timeout = ${LOOK_MS}`);
      database.run("PRAGMA locking_mode = EXCLUSIVE");
      database.run("PRAGMA journal_mode = WAL");
      database.run("PRAGMA synchronous = FULL");
      database.run("BEGIN IMMEDIATE");
      database.run(
        "CREATE TABLE IF NOT EXISTS checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER, body TEXT)",
      );
      database.run("CREATE TABLE IF NOT EXISTS state (stage TEXT PRIMARY KEY, bytes BLOB)");
      database.run("COMMIT");
      return new CheckpointStore(database, path);
    } catch (thrown) {
      database.close();
      throw openFailure(path, messageOf(thrown));
    }
  }

  /** For a run that starts over: a file that cannot be read is replaced, one in use still refuses. */
  static openFresh(path: string): CheckpointStore {
    try {
      return CheckpointStore.open(path);
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.code !== "checkpoint.unreadable") throw thrown;
      for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
      return CheckpointStore.open(path);
    }
  }

  load(): Checkpoint | undefined {
    const row = this.#database.query("SELECT version, body FROM checkpoint").get() as {
      version: number;
      body: string;
    } | null;
    if (!row) return undefined;
    const states = this.#database.query("SELECT stage, bytes FROM state").all() as {
      stage: string;
      bytes: Uint8Array;
    }[];
    const body = bodyOf(row.version, () => JSON.parse(row.body));
    return { ...body, states: new Map(states.map(({ stage, bytes }) => [stage, bytes])) };
  }

  /** Durable when it returns. Fails with `checkpoint.write_failed`: the disk may have room later. */
  save({ states, ...body }: Checkpoint): void {
    this.#write(() => {
      const statement = this.#database.query("INSERT OR REPLACE INTO checkpoint (id, version, body) VALUES (1, ?, ?)");
      statement.run(VERSION, JSON.stringify(body));
      this.#database.run("DELETE FROM state"); // `states` holds all: who has left the pipeline leaves no state behind
      const keep = this.#database.query("INSERT OR REPLACE INTO state (stage, bytes) VALUES (?, ?)");
      for (const [stage, bytes] of states) keep.run(stage, bytes);
    });
  }

  clear(): void {
    this.#write(() => {
      this.#database.run("DELETE FROM checkpoint");
      this.#database.run("DELETE FROM state");
    });
  }

  #write(work: () => void): void {
    try {
      this.#database.transaction(work)();
    } catch (thrown) {
      const message = `cannot write the checkpoint ${this.#path}: ${messageOf(thrown)}; a disk with room that can be written is required`;
      throw new Failure("checkpoint.write_failed", message, { retryable: true, cause: thrown });
    }
  }

  close(): void {
    this.#database.close();
  }
}

function openFailure(path: string, reason: string): Failure {
  if (/locked|busy/i.test(reason)) {
    return new Failure(
      "checkpoint.in_use",
      `${path} is in use: this pipeline is running already with the same --data-dir`,
    );
  }
  return new Failure("checkpoint.unreadable", `cannot use the checkpoint ${path}: ${reason}; --fresh starts over`);
}

/**
 * What a master alone keeps, in one SQLite file of its own: a group of one without a group. Writes are durable when they resolve.
 * The file is locked while a master uses it: two masters of one id would each undo what the other has done.
 */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Failure, messageOf } from "../../../base/errors.ts";
import type { KeptChange, KeptEntry, KeptState } from "../../../base/kept-state.ts";

export class SqliteKept implements KeptState {
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
      this.#database.run("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID");
    } catch (thrown) {
      this.#database.close();
      const message = `cannot use ${path}: ${messageOf(thrown)}; a master has one process and a file of its own`;
      throw new Failure("master.in_use", message, { cause: thrown });
    }
  }

  get(key: string): Uint8Array | undefined {
    const row = this.#database.query("SELECT value FROM kept WHERE key = ?").get(key) as { value: Uint8Array } | null;
    return row?.value;
  }

  list(prefix: string): readonly KeptEntry[] {
    const sql = "SELECT key, value FROM kept WHERE key >= ?1 AND key < ?1 || char(1114111) ORDER BY key";
    return this.#database.query(sql).all(prefix) as KeptEntry[]; // the columns are named as it has them
  }

  /** A disk that is full now may have room later. */
  async write(changes: readonly KeptChange[]): Promise<void> {
    try {
      this.#database.transaction(() => {
        const put = this.#database.query("INSERT OR REPLACE INTO kept (key, value) VALUES (?, ?)");
        const drop = this.#database.query("DELETE FROM kept WHERE key = ?");
        for (const change of changes) "value" in change ? put.run(change.key, change.value) : drop.run(change.key);
      })();
    } catch (thrown) {
      const message = `cannot write to ${this.#path}: ${messageOf(thrown)}; a disk with room that can be written is required`;
      throw new Failure("master.store", message, { cause: thrown, retryable: true });
    }
  }

  close(): void {
    this.#database.close();
  }
}

/**
 * Which bundles a store holds, who uses them and since when nobody has: one SQLite file that all processes of one data
 * directory share. Every decision to keep or to remove is made inside a transaction, so a bundle that has just been claimed
 * is never evicted. No clock is read: the order of use is a count.
 */
import { Database } from "bun:sqlite";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import { type FileLock, takeFileLock } from "../../base/file-lock.ts";
import { INDEX_WAIT_MS } from "./limits.ts";
import { blobsOf, type Manifest, parseManifest, totalBytes } from "./manifest.ts";

/** What must go to make room. */
export interface Victims {
  readonly bundles: readonly string[];
  /** Hashes that no bundle names any more. */
  readonly blobs: readonly string[];
}

/** Inode, size and times of a bundle's files when their hashes were last seen to be right, by path. */
export type Stamps = Readonly<Record<string, string>>;

const VERSION = 1;

/** Bytes of a bundle count twice: as a tree, and as contents that other bundles may share. */
const TABLES = [
  "CREATE TABLE IF NOT EXISTS holder (id INTEGER PRIMARY KEY AUTOINCREMENT)",
  "CREATE TABLE IF NOT EXISTS bundle (id TEXT PRIMARY KEY, manifest TEXT, bytes INTEGER, used INTEGER, stamps TEXT)",
  "CREATE TABLE IF NOT EXISTS part (bundle TEXT, sha256 TEXT, bytes INTEGER, PRIMARY KEY (bundle, sha256))",
  "CREATE TABLE IF NOT EXISTS lease (bundle TEXT, holder INTEGER, count INTEGER, PRIMARY KEY (bundle, holder))",
];
const TAKEN = `SELECT (SELECT coalesce(sum(bytes), 0) FROM bundle) +
  (SELECT coalesce(sum(bytes), 0) FROM (SELECT DISTINCT sha256, bytes FROM part)) AS bytes`;
const NEXT_USE = "(SELECT coalesce(max(used), 0) + 1 FROM bundle)";
const OLDEST_UNUSED = "SELECT id FROM bundle WHERE id NOT IN (SELECT bundle FROM lease) ORDER BY used LIMIT 1";

export class StoreIndex {
  readonly #database: Database;
  readonly #holders: string;
  readonly #lock: FileLock;
  readonly holder: number;

  /** Fails with `artifact.store`. */
  constructor(directory: string) {
    const path = join(directory, "index.sqlite");
    this.#holders = join(directory, "holders");
    mkdirSync(this.#holders, { recursive: true, mode: 0o700 });
    try {
      this.#database = openDatabase(path);
      const own = this.#within(() => this.#join());
      this.holder = own.id;
      this.#lock = own.lock;
    } catch (thrown) {
      if (thrown instanceof Failure) throw thrown;
      const message = `cannot use ${path}: ${messageOf(thrown)}; ${directory} is a cache and may be removed while nobody uses it`;
      throw new Failure("artifact.store", message, { cause: thrown });
    }
  }

  /**
   * From now on the bundle is this process's to use, and its bytes are counted. `remove` is called, before anything else can
   * happen, with what has to go for it. Fails with `artifact.no_room`.
   */
  claim(manifest: Manifest, bytesMax: number, remove: (victims: Victims) => void): void {
    this.#within(() => {
      this.#enter(manifest);
      if (this.#taken() <= bytesMax) return;
      this.#forgetDead();
      const bundles: string[] = [];
      while (this.#taken() > bytesMax) {
        const oldest = this.#database.query(OLDEST_UNUSED).get() as { id: string } | null; // as selected
        if (!oldest) throw noRoom(manifest, this.#taken(), bytesMax); // and all of this is undone
        this.#database.run("INSERT INTO gone SELECT sha256 FROM part WHERE bundle = ?", [oldest.id]);
        for (const statement of ["DELETE FROM part WHERE bundle = ?", "DELETE FROM bundle WHERE id = ?"])
          this.#database.run(statement, [oldest.id]);
        bundles.push(oldest.id);
      }
      remove({ bundles, blobs: this.#unnamed() });
    });
  }

  /** It counts as used until now. */
  release(id: string): void {
    this.#within(() => {
      const own: [string, number] = [id, this.holder];
      this.#database.run(`UPDATE bundle SET used = ${NEXT_USE} WHERE id = ?`, [id]);
      this.#database.run("UPDATE lease SET count = count - 1 WHERE bundle = ? AND holder = ?", own);
      this.#database.run("DELETE FROM lease WHERE bundle = ? AND holder = ? AND count <= 0", own);
    });
  }

  manifestOf(id: string): Manifest | undefined {
    const row = this.#database.query("SELECT manifest FROM bundle WHERE id = ?").get(id) as { manifest: string } | null; // as selected
    return row ? parseManifest(JSON.parse(row.manifest)) : undefined;
  }

  stampsOf(id: string): Stamps {
    const row = this.#database.query("SELECT stamps FROM bundle WHERE id = ?").get(id) as { stamps: string } | null; // as selected
    return row ? (JSON.parse(row.stamps) as Stamps) : {}; // written by `stamp` below
  }

  stamp(id: string, stamps: Stamps): void {
    this.#within(() => this.#database.run("UPDATE bundle SET stamps = ? WHERE id = ?", [JSON.stringify(stamps), id]));
  }

  /** Holders that may still be alive. */
  holders(): number[] {
    return this.#within(() => {
      this.#forgetDead();
      return this.#holderIds();
    });
  }

  /** Gives back all that this process has claimed. */
  close(): void {
    this.#within(() => this.#forget(this.holder));
    this.#lock.release();
    rmSync(this.#lockPath(this.holder), { force: true });
    this.#database.close();
  }

  /** Nobody looks for the dead meanwhile, so the new one is not taken for one of them. */
  #join(): { readonly id: number; readonly lock: FileLock } {
    this.#forgetDead();
    const id = Number(this.#database.run("INSERT INTO holder DEFAULT VALUES").lastInsertRowid);
    const lock = takeFileLock(this.#lockPath(id));
    if (!lock) throw new Error(`${this.#lockPath(id)} is held by somebody else`);
    return { id, lock };
  }

  #enter(manifest: Manifest): void {
    const { files, id } = manifest;
    const text = JSON.stringify(manifest);
    this.#database.run(
      `INSERT INTO bundle (id, manifest, bytes, used, stamps) VALUES (?, ?, ?, ${NEXT_USE}, '{}')
        ON CONFLICT (id) DO UPDATE SET used = excluded.used`,
      [id, text, totalBytes(files)],
    );
    const part = this.#database.query("INSERT OR IGNORE INTO part (bundle, sha256, bytes) VALUES (?, ?, ?)");
    for (const { bytes, sha256 } of blobsOf(files)) part.run(id, sha256, bytes);
    this.#database.run(
      "INSERT INTO lease (bundle, holder, count) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
      [id, this.holder],
    );
  }

  #forgetDead(): void {
    for (const id of this.#holderIds()) {
      if (id === this.holder) continue;
      const lock = takeFileLock(this.#lockPath(id));
      if (!lock) continue; // it lives
      this.#forget(id);
      lock.release();
      rmSync(this.#lockPath(id), { force: true });
    }
  }

  #forget(holder: number): void {
    this.#database.run("DELETE FROM lease WHERE holder = ?", [holder]);
    this.#database.run("DELETE FROM holder WHERE id = ?", [holder]);
  }

  #holderIds(): number[] {
    return (this.#database.query("SELECT id FROM holder").all() as { id: number }[]).map(({ id }) => id); // as selected
  }

  #unnamed(): string[] {
    const statement = "SELECT DISTINCT sha256 FROM gone WHERE sha256 NOT IN (SELECT sha256 FROM part)";
    const rows = this.#database.query(statement).all() as { sha256: string }[]; // as selected
    this.#database.run("DELETE FROM gone");
    return rows.map(({ sha256 }) => sha256);
  }

  #taken(): number {
    return (this.#database.query(TAKEN).get() as { bytes: number }).bytes; // as selected
  }

  #lockPath(holder: number): string {
    return join(this.#holders, `${holder}.lock`);
  }

  #within<T>(work: () => T): T {
    return this.#database.transaction(work).immediate();
  }
}

function openDatabase(path: string): Database {
  const database = new Database(path, { create: true });
  try {
    database.run(`PRAGMA busy_timeout = ${INDEX_WAIT_MS}`);
    database.run("PRAGMA synchronous = NORMAL"); // what a power cut takes is fetched again
    const { user_version: version } = database.query("PRAGMA user_version").get() as { user_version: number }; // as asked
    if (version !== 0 && version !== VERSION) throw new Error(`it has version ${version}, this program has ${VERSION}`);
    database
      .transaction(() => {
        for (const table of TABLES) database.run(table);
        database.run(`PRAGMA user_version = ${VERSION}`);
      })
      .immediate();
    database.run("CREATE TEMP TABLE gone (sha256 TEXT)");
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function noRoom(manifest: Manifest, taken: number, bytesMax: number): Failure {
  const message = `cannot keep ${manifest.entry}: with all that is in use ${taken} bytes are needed, ${bytesMax} are allowed`;
  return new Failure("artifact.no_room", message, { retryable: true });
}

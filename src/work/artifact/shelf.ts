/**
 * What a master offers: bundles by id and contents by hash, nothing by path. Contents are copied when a bundle is put there,
 * so that its author may edit the files meanwhile; the copies go with the process that made them.
 */
import { existsSync, mkdtempSync } from "node:fs";
import { open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Failure, toFailure } from "../../base/errors.ts";
import { type FileLock, takeFileLock } from "../../base/file-lock.ts";
import { makePrivateDirectory, readChunks, writeVerified } from "./files.ts";
import { Gate, InTurn } from "./in-turn.ts";
import { CHUNK_BYTES_MAX, READS_AT_ONCE, SHELF_BYTES_MAX } from "./limits.ts";
import { type BundleFile, blobsOf, isSha256, type Manifest, totalBytes } from "./manifest.ts";
import type { Bundle } from "./pack.ts";
import type { ArtifactSource, ReadOptions } from "./source.ts";

const LOCK = "lock";
/** A name that somebody has just cleared away is not met twice in a row. */
const CLAIMS_MAX = 10;

export interface ShelfOptions {
  readonly bytesMax?: number;
}

/** A bundle on the shelf; it stays until everybody who registered it has withdrawn it. */
export interface Registration {
  readonly id: string;
  withdraw(): Promise<void>;
}

export class ArtifactShelf implements ArtifactSource, AsyncDisposable {
  readonly #directory: string;
  readonly #lock: FileLock;
  readonly #bytesMax: number;
  readonly #offered = new Map<string, { readonly manifest: Manifest; count: number }>();
  /** Contents that are there in full. */
  readonly #blobs = new Map<string, number>();
  readonly #turns = new InTurn();
  readonly #gate = new Gate(READS_AT_ONCE);

  private constructor(directory: string, lock: FileLock, { bytesMax = SHELF_BYTES_MAX }: ShelfOptions) {
    this.#directory = directory;
    this.#lock = lock;
    this.#bytesMax = bytesMax;
  }

  /** In a folder of its own below this directory; folders of processes that are gone are removed. Fails with `artifact.directory`. */
  static async open(directory: string, options: ShelfOptions = {}): Promise<ArtifactShelf> {
    makePrivateDirectory(directory);
    for (let tries = 0; tries < CLAIMS_MAX; tries++) {
      const own = mkdtempSync(join(directory, "shelf-"));
      const lock = lockIn(own);
      if (lock === undefined) continue; // whoever clears up came between
      await clearStale(directory, own);
      return new ArtifactShelf(own, lock, options);
    }
    throw new Failure("artifact.directory", `cannot make a folder in ${directory}: each one was removed at once`);
  }

  /** Fails with `artifact.changed`, which may be tried again after packing anew, `artifact.no_room` or `artifact.store`. */
  async register(bundle: Bundle): Promise<Registration> {
    const { manifest } = bundle;
    await this.#turns.run("", () => this.#take(bundle)); // one at a time: sizes are counted, and contents are shared
    let isOffered = true;
    const withdraw = async (): Promise<void> => {
      if (!isOffered) return;
      isOffered = false;
      await this.#turns.run("", () => this.#drop(manifest.id));
    };
    return { id: manifest.id, withdraw };
  }

  /** Fails with `artifact.unknown`. */
  async manifest(id: string): Promise<Manifest> {
    const offered = this.#offered.get(id);
    if (offered) return offered.manifest;
    throw new Failure("artifact.unknown", `no bundle ${shown(id)} is offered here`);
  }

  /** Fails with `artifact.unknown`, `artifact.request` or `artifact.store`. */
  async read(sha256: string, offset: number, length: number, { signal }: ReadOptions = {}): Promise<Uint8Array> {
    const bytes = this.#blobs.get(sha256);
    if (bytes === undefined)
      throw new Failure("artifact.unknown", `no file with the hash ${shown(sha256)} is offered here`);
    if (!isCount(offset) || !isCount(length) || length === 0 || length > CHUNK_BYTES_MAX || offset + length > bytes) {
      const allowed = `1 to ${CHUNK_BYTES_MAX} of its ${bytes} bytes are required`;
      throw new Failure("artifact.request", `cannot read ${length} bytes at ${offset} of ${shown(sha256)}: ${allowed}`);
    }
    return this.#gate.run(async () => {
      signal?.throwIfAborted(); // nobody waits for it any more
      return this.#readPart(sha256, offset, length);
    });
  }

  /** Takes the copies with it. */
  async close(): Promise<void> {
    this.#offered.clear();
    this.#blobs.clear();
    await rm(this.#directory, { recursive: true, force: true });
    this.#lock.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #take(bundle: Bundle): Promise<void> {
    const { manifest } = bundle;
    const offered = this.#offered.get(manifest.id);
    if (offered) {
      offered.count += 1;
      return;
    }
    const missing = blobsOf(manifest.files).filter(({ sha256 }) => !this.#blobs.has(sha256));
    this.#requireRoom(manifest, totalBytes(missing));
    try {
      for (const file of missing) await this.#copy(file, bundle.sources.get(file.sha256));
      this.#offered.set(manifest.id, { manifest, count: 1 });
    } catch (thrown) {
      await this.#removeUnused(missing);
      throw toFailure(thrown, "artifact.store");
    }
  }

  #requireRoom(manifest: Manifest, moreBytes: number): void {
    const used = [...this.#blobs.values()].reduce((sum, bytes) => sum + bytes, 0);
    if (used + moreBytes <= this.#bytesMax) return;
    const message = `cannot offer ${manifest.entry}: it needs ${moreBytes} bytes more, ${used} of ${this.#bytesMax} are taken`;
    throw new Failure("artifact.no_room", message, { retryable: true });
  }

  async #copy(file: BundleFile, source: string | undefined): Promise<void> {
    if (source === undefined) throw new Failure("artifact.changed", `cannot offer ${file.path}: it was not packed`);
    const temporary = this.#path(`${file.sha256}.part`);
    await rm(temporary, { force: true });
    if (!(await writeVerified(temporary, file, readChunks(source, true)))) {
      const message = `cannot offer ${source}: it was changed while it was packed; a file that is not being written is required`;
      throw new Failure("artifact.changed", message, { retryable: true });
    }
    await rename(temporary, this.#path(file.sha256));
    this.#blobs.set(file.sha256, file.bytes);
  }

  async #drop(id: string): Promise<void> {
    const offered = this.#offered.get(id);
    if (!offered) return; // the shelf was closed
    offered.count -= 1;
    if (offered.count > 0) return;
    this.#offered.delete(id);
    await this.#removeUnused(offered.manifest.files);
  }

  async #removeUnused(files: readonly BundleFile[]): Promise<void> {
    const used = new Set(
      [...this.#offered.values()].flatMap(({ manifest }) => manifest.files.map((file) => file.sha256)),
    );
    for (const { sha256 } of files) {
      if (used.has(sha256)) continue;
      this.#blobs.delete(sha256);
      await rm(this.#path(sha256), { force: true });
    }
  }

  async #readPart(sha256: string, offset: number, length: number): Promise<Uint8Array> {
    try {
      await using file = await open(this.#path(sha256));
      const part = new Uint8Array(length);
      for (let filled = 0; filled < length; ) {
        const { bytesRead } = await file.read(part, filled, length - filled, offset + filled);
        if (bytesRead === 0) throw new Failure("artifact.store", `the copy of ${sha256} has been cut short`);
        filled += bytesRead;
      }
      return part;
    } catch (thrown) {
      throw toFailure(thrown, "artifact.store");
    }
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

function lockIn(folder: string): FileLock | undefined {
  try {
    const lock = takeFileLock(join(folder, LOCK));
    if (lock === undefined || existsSync(join(folder, LOCK))) return lock;
    lock.release(); // of a file that was removed before it was locked
  } catch {
    // the folder was removed before the file was made
  }
  return undefined;
}

async function clearStale(directory: string, own: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const folder = join(directory, name);
    if (folder === own || !name.startsWith("shelf-")) continue;
    const lock = lockIn(folder);
    if (lock === undefined) continue; // its process lives, or another one clears it away
    await rm(folder, { recursive: true, force: true });
    lock.release();
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** What a peer sent may be anything. */
function shown(hash: string): string {
  return isSha256(hash) ? hash : JSON.stringify(String(hash).slice(0, 80));
}

/**
 * What a worker has of other machines' files: contents by hash, and bundles as trees of files that can be loaded. A bundle is
 * there when each file is right, and each call makes sure of that; what is missing is fetched, checked, and only then gets its
 * name. Several processes may use one directory at once: they do the same work twice at worst, never half of it.
 */
import { lstatSync, renameSync, rmSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure, toFailure } from "../../base/errors.ts";
import { flushDirectory, makeFolder, makePrivateDirectory, putInPlace, readChunks, writeVerified } from "./files.ts";
import { eachAtOnce, InTurn } from "./in-turn.ts";
import { CACHE_BYTES_MAX, CHUNK_BYTES_MAX, FETCHES_AT_ONCE } from "./limits.ts";
import { type BundleFile, isSha256, type Manifest, parseManifest } from "./manifest.ts";
import type { ArtifactSource, ReadOptions } from "./source.ts";
import { StoreIndex, type Victims } from "./store-index.ts";
import { inspectTree } from "./tree.ts";

export interface StoreOptions {
  readonly bytesMax?: number;
}

/** A bundle in use; it stays where it is until it is released. */
export interface InstalledBundle extends Disposable {
  readonly id: string;
  /** Absolute path of the file that is loaded, or the only one. */
  readonly entryPath: string;
  release(): void;
}

/** A tree that somebody else changes all the time cannot be made right. */
const REPAIRS_MAX = 3;

export class ArtifactStore implements AsyncDisposable {
  readonly #directory: string;
  readonly #index: StoreIndex;
  readonly #bytesMax: number;
  readonly #turns = new InTurn();
  readonly #underWay = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #temporaries = 0;
  #isOver = false;

  private constructor(directory: string, index: StoreIndex, { bytesMax = CACHE_BYTES_MAX }: StoreOptions) {
    this.#directory = directory;
    this.#index = index;
    this.#bytesMax = bytesMax;
  }

  /** Makes the directory, 0700, and clears away what killed processes have left. Fails with `artifact.directory` or `artifact.store`. */
  static async open(directory: string, options: StoreOptions = {}): Promise<ArtifactStore> {
    makePrivateDirectory(directory);
    for (const name of ["blobs", "bundles", "tmp"]) await makeFolder(join(directory, name));
    const store = new ArtifactStore(directory, new StoreIndex(directory), options);
    await store.#clearTemporaries();
    return store;
  }

  /** The same for a bundle of which only the id is known: the source is asked for the manifest when it is not here. */
  async ensureId(id: string, source: ArtifactSource, options: ReadOptions = {}): Promise<InstalledBundle> {
    if (!isSha256(id))
      throw new Failure("artifact.manifest", `${JSON.stringify(id)} is no bundle's id; 64 hex digits are required`);
    const manifest = this.#index.manifestOf(id) ?? parseManifest(await source.manifest(id, options));
    if (manifest.id !== id)
      throw new Failure("artifact.corrupt", `asked for the bundle ${id} and got ${manifest.id}`, { retryable: true });
    return this.ensure(manifest, source, options);
  }

  /**
   * The bundle, whole and right, in use from now on. Fails with `artifact.manifest`, `artifact.corrupt` when the source gives
   * something else, `artifact.no_room`, `artifact.cancelled`, `artifact.store`, and with what the source fails with.
   */
  async ensure(manifest: unknown, source: ArtifactSource, options: ReadOptions = {}): Promise<InstalledBundle> {
    const checked = parseManifest(manifest);
    const { id } = checked;
    if (this.#closing.signal.aborted) throw new Failure("artifact.store", `${this.#directory} is closed`);
    this.#index.claim(checked, this.#bytesMax, (victims) => this.#remove(victims));
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]);
    const work = this.#turns.run(id, () => this.#install(checked, source, { signal }));
    this.#underWay.add(work);
    try {
      await unlessAborted(work, signal);
      return this.#installed(checked);
    } catch (thrown) {
      void work.catch(() => {}).then(() => this.#release(id)); // not before: what is being written is in use
      throw withRetry(thrown);
    } finally {
      void work.catch(() => {}).then(() => this.#underWay.delete(work));
    }
  }

  /** Ends what is under way and gives back everything that is in use. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await Promise.allSettled(this.#underWay);
    this.#isOver = true;
    this.#index.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #installed({ entry, id }: Manifest): InstalledBundle {
    let isHeld = true;
    const release = (): void => {
      if (isHeld) this.#release(id);
      isHeld = false;
    };
    return { id, entryPath: join(this.#tree(id), entry), release, [Symbol.dispose]: release };
  }

  #release(id: string): void {
    if (!this.#isOver) this.#index.release(id);
  }

  async #install(manifest: Manifest, source: ArtifactSource, options: ReadOptions): Promise<void> {
    const root = this.#tree(manifest.id);
    await makeFolder(root);
    let known = this.#index.stampsOf(manifest.id);
    for (let repairs = 0; ; repairs++) {
      requireWanted(options);
      const { missing, stamps, strays } = await inspectTree(root, manifest, known);
      if (missing.length === 0 && strays.length === 0) {
        if (JSON.stringify(stamps) !== JSON.stringify(known)) this.#index.stamp(manifest.id, stamps);
        return;
      }
      if (repairs === REPAIRS_MAX) throw new Failure("artifact.store", `${root} is being changed by somebody else`);
      for (const stray of strays) await rm(join(root, stray), { recursive: true, force: true });
      await eachAtOnce(missing, FETCHES_AT_ONCE, (file) => this.#place(root, file, source, options));
      known = stamps;
    }
  }

  /** From the cached content when that is what it should be, else from the source. */
  async #place(root: string, file: BundleFile, source: ArtifactSource, options: ReadOptions): Promise<void> {
    const path = join(root, file.path);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const temporary = this.#temporary();
    const isCopied = await this.#turns.run(file.sha256, async () => {
      const blob = this.#blob(file.sha256);
      if (await copyBlob(blob, temporary, file)) return true;
      await this.#fetch(blob, file, source, options);
      return copyBlob(blob, temporary, file);
    });
    if (!isCopied) throw corrupt(file, `was changed right after it had been written to ${this.#directory}`);
    await putInPlace(temporary, path);
    flushDirectory(root);
  }

  async #fetch(blob: string, file: BundleFile, source: ArtifactSource, options: ReadOptions): Promise<void> {
    const temporary = this.#temporary();
    if (!(await writeVerified(temporary, file, fetchChunks(file, source, options))))
      throw corrupt(file, "came with other content than its hash says");
    await makeFolder(dirname(blob));
    if (lstatSync(blob, { throwIfNoEntry: false })?.isDirectory()) await rm(blob, { recursive: true, force: true });
    await putInPlace(temporary, blob); // over what was wrong, or what another process has just got as well
  }

  /** Called while nobody can claim anything. What is renamed is removed at leisure. */
  #remove({ blobs, bundles }: Victims): void {
    for (const id of bundles) {
      if (!lstatSync(this.#tree(id), { throwIfNoEntry: false })) continue;
      const trash = this.#temporary();
      renameSync(this.#tree(id), trash);
      void rm(trash, { recursive: true, force: true }).catch(() => {}); // left to the next process that opens the store
    }
    for (const sha256 of blobs) rmSync(this.#blob(sha256), { recursive: true, force: true });
  }

  /** Those of holders that are gone; a holder's number is never given out again. */
  async #clearTemporaries(): Promise<void> {
    const alive = new Set(this.#index.holders().map(String));
    for (const name of await readdir(join(this.#directory, "tmp"))) {
      if (alive.has(name.split("-")[0]!)) continue;
      await rm(join(this.#directory, "tmp", name), { recursive: true, force: true });
    }
  }

  #tree(id: string): string {
    return join(this.#directory, "bundles", id);
  }

  #blob(sha256: string): string {
    return join(this.#directory, "blobs", sha256.slice(0, 2), sha256);
  }

  #temporary(): string {
    this.#temporaries += 1;
    return join(this.#directory, "tmp", `${this.#index.holder}-${this.#temporaries}`);
  }
}

/** False when it is not there, or is not what it should be. */
async function copyBlob(blob: string, temporary: string, file: BundleFile): Promise<boolean> {
  const found = lstatSync(blob, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size !== file.bytes) return false;
  return writeVerified(temporary, file, readChunks(blob));
}

async function* fetchChunks(
  file: BundleFile,
  source: ArtifactSource,
  options: ReadOptions,
): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < file.bytes; ) {
    requireWanted(options);
    const length = Math.min(CHUNK_BYTES_MAX, file.bytes - offset);
    const chunk: unknown = await source.read(file.sha256, offset, length, options);
    if (!(chunk instanceof Uint8Array) || chunk.length !== length)
      throw corrupt(file, `came as something else than the ${length} bytes asked for at ${offset}`);
    yield chunk;
    offset += length;
  }
}

/** The work goes on to where it looks at the signal itself. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw notWanted(signal);
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(notWanted(signal));
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function requireWanted({ signal }: ReadOptions): void {
  if (signal?.aborted) throw notWanted(signal);
}

function notWanted({ reason }: AbortSignal): Failure {
  return new Failure("artifact.cancelled", "the bundle is not wanted any more", { cause: reason });
}

function corrupt(file: BundleFile, what: string): Failure {
  const message = `cannot take ${file.path} (${file.sha256}): it ${what}`;
  return new Failure("artifact.corrupt", message, { retryable: true });
}

/** A full disk may be emptied. */
function withRetry(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const { cause, message } = toFailure(thrown, "artifact.store");
  return new Failure("artifact.store", `cannot keep a bundle: ${message}`, { cause, retryable: true });
}

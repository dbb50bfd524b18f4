/**
 * What was submitted is what runs, whoever leads: the text of a pipeline file and the files that its stages need are kept by their
 * content, beside the submission. A file that is at its path as it was is used there; else the kept one is laid into this
 * master's data directory. What is too large to be kept has to be at its path.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Failure } from "../../../base/errors.ts";
import { deleteLarge, getLarge, putLarge, strayPieces, writeInGroups, writeLarge } from "../../../base/kept-large.ts";
import { decodeKept, encodeKept, isDeposed, type KeptState, keptUnder } from "../../../base/kept-state.ts";
import {
  type ArtifactSource,
  ArtifactStore,
  type InstalledBundle,
  type Manifest,
} from "../../../work/artifact/index.ts";
import {
  formatPipelineFile,
  type PipelineFile,
  parsePipelineFile,
  type ResolvePath,
} from "../../../work/pipeline/file/index.ts";
import { faultsText, prepareOrRefuse } from "../../check-pipeline.ts";
import { type PreparedPipeline, prepareFile } from "../../prepare-pipeline.ts";
import { stateDirectory } from "../../self.ts";
import type { Submission } from "../submissions.ts";
import { type BundleAt, bundleAt, bundlesOf } from "./bundles.ts";
import { laidResolver } from "./laid-resolver.ts";

/** One file that is kept: every node of a group holds it in memory. */
export const KEPT_FILE_BYTES_MAX = 16 * 2 ** 20;
/** All files of one submission. */
export const KEPT_FILES_BYTES_MAX = 64 * 2 ** 20;

type Found = Awaited<ReturnType<typeof bundlesOf>>;

const RECORD = "record/";
const BLOB = "blob/";

interface Record {
  readonly path: string;
  /** Relative paths were seen from there. */
  readonly cwd: string;
  readonly text: string;
  readonly bundles: readonly BundleAt[];
  /** Of a graph: its pipeline files, with the names of their records. */
  readonly pipelines?: readonly (readonly [path: string, id: string])[];
}

export interface GraphFiles {
  readonly plugins: readonly string[];
  readonly pipelines: readonly string[];
}

export interface FileChange {
  readonly apply: (file: PipelineFile) => PipelineFile;
  /** The path of the plugin that it brings; absolute. */
  readonly plugin: string;
}

export interface KeptGraph {
  readonly places: ReadonlyMap<string, string>;
  readonly pipelines: ReadonlyMap<string, string>;
}

export class SubmittedFiles {
  readonly #kept: KeptState;
  readonly #laid: ArtifactStore;
  readonly #tell: (text: string) => void;
  readonly #installed = new Map<string, Promise<InstalledBundle>>();
  /** Kept in this life, and not yet seen in use. */
  readonly #fresh = new Set<string>();
  /** Who keeps finds what is there: nobody lets anything go meanwhile. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Fails with `artifact.directory` or `artifact.store`. */
  static async open(kept: KeptState, dataDir: string, tell: (text: string) => void): Promise<SubmittedFiles> {
    const laid = await ArtifactStore.open(join(stateDirectory(dataDir), "submitted"));
    return new SubmittedFiles(keptUnder(kept, "files/"), laid, tell);
  }

  private constructor(kept: KeptState, laid: ArtifactStore, tell: (text: string) => void) {
    this.#kept = kept;
    this.#laid = laid;
    this.#tell = tell;
  }

  /** Keeps what the file is now; gives the name for `prepare`. Fails with its faults, `master.store` or `master.deposed`. */
  async keep(path: string): Promise<string> {
    const { resolvePath, ...prepared } = await prepareOrRefuse(path);
    const found = await bundlesOf({ ...prepared, resolvePath });
    const about = { path: resolve(path), cwd: process.cwd(), text: prepared.text };
    return this.#keep(path, async () => ({ ...about, bundles: await this.#keepContents(found) }));
  }

  /**
   * Keeps what was submitted with a change to its stages. The plugin that comes with it is taken as it is now; what is kept already stays
   * as it is. Fails with `swap.refused` and the faults, or as `keep`.
   */
  async keepChanged(
    { files, path }: Pick<Submission, "files" | "path">,
    { apply, plugin }: FileChange,
  ): Promise<string> {
    const before = await this.prepare({ files, path });
    const { bundles: kept, cwd } = files === undefined ? { bundles: [], cwd: process.cwd() } : this.#record(files);
    const text = formatPipelineFile(apply(before.file));
    const resolvePath: ResolvePath = (name, need) => (name === plugin ? name : before.resolvePath(name, need));
    const after = await prepareFile(path, { text, ...parsePipelineFile(text, path) }, resolvePath);
    if (after.faults.length > 0) throw new Failure("swap.refused", faultsText(after));
    const places = await this.#placesOf(kept);
    const known = new Map(kept.map((bundle) => [places.get(bundle.path), bundle]));
    known.delete(plugin);
    const found = await bundlesOf(after);
    return this.#keep(path, async () => {
      const old = found.flatMap((each) => known.get(each.path) ?? []);
      const added = await this.#keepContents(found.filter((each) => !known.has(each.path)));
      return { path: resolve(path), cwd, text, bundles: [...old, ...added] };
    });
  }

  /** Keeps what the tasks of a graph need: their plugins, and the pipeline files among them. Fails as `keep`. */
  async keepGraph(path: string, { pipelines, plugins }: GraphFiles): Promise<string> {
    const parts: [string, string][] = [];
    for (const file of pipelines) parts.push([resolve(file), await this.keep(file)]);
    const found: Found[number][] = [];
    for (const plugin of plugins) {
      const bundle = await bundleAt({ path: plugin, isPlugin: true }).catch(() => undefined); // its task says what is wrong with it
      if (bundle) found.push({ path: plugin, isPlugin: true, bundle });
    }
    const about = { path, cwd: process.cwd(), text: "", pipelines: parts };
    return this.#keep(path, async () => ({ ...about, bundles: await this.#keepContents(found) }));
  }

  /** Where the files of a graph are now, by where they were, and the names of its pipelines for `prepare`. Fails as `prepare`. */
  async graph(files: string): Promise<KeptGraph> {
    const { bundles, pipelines = [] } = this.#record(files);
    return { places: await this.#placesOf(bundles), pipelines: new Map(pipelines) };
  }

  #keep(path: string, make: () => Promise<Record>): Promise<string> {
    return this.#inTurn(async () => {
      try {
        const bytes = encodeKept(await make());
        const id = createHash("sha256").update(bytes).digest("hex");
        this.#fresh.add(id);
        if (!this.#kept.get(RECORD + id)) await writeLarge(this.#kept, putLarge(this.#kept, RECORD + id, bytes));
        return id;
      } catch (thrown) {
        if (isDeposed(thrown) || !(thrown instanceof Failure) || thrown.code.startsWith("artifact.")) throw thrown;
        const message = `cannot store the submission ${path}: ${thrown.message}`;
        throw new Failure("master.store", message, { cause: thrown, retryable: true });
      }
    });
  }

  /**
   * What was submitted. Fails with its faults: as it had none, they are of this machine, such as a file that is not kept and not at
   * its path, and may pass.
   */
  async prepare({ files, path }: Pick<Submission, "files" | "path">): Promise<PreparedPipeline> {
    if (files === undefined) return prepareOrRefuse(path);
    const record = this.#record(files);
    const { cwd, text } = record;
    const places = await this.#placesOf(record.bundles);
    const resolvePath: ResolvePath = laidResolver(path, cwd, places);
    const prepared = await prepareFile(path, { text, ...parsePipelineFile(text, path) }, resolvePath);
    if (prepared.faults.length === 0) return prepared;
    throw new Failure("pipeline.config.faults", faultsText(prepared), { retryable: true });
  }

  /** What is used by none of these names, and was not kept just now, goes. Fails as `KeptState.write`. */
  retain(names: Iterable<string | undefined>): Promise<void> {
    return this.#inTurn(async () => {
      const garbage = this.#unused(this.#usedBy(names));
      await writeInGroups(
        this.#kept,
        [...new Set([...garbage, ...strayPieces(this.#kept)])].map((key) => ({ key, delete: true })),
      );
    });
  }

  #usedBy(names: Iterable<string | undefined>): ReadonlySet<string> {
    const used = new Set<string>();
    const use = (id: string): void => {
      if (used.has(id) || !this.#kept.get(RECORD + id)) return;
      used.add(id);
      for (const [, part] of this.#record(id).pipelines ?? []) use(part);
    };
    for (const id of names) if (id !== undefined) use(id);
    for (const id of [...this.#fresh]) used.has(id) ? this.#fresh.delete(id) : use(id);
    return used;
  }

  #unused(used: ReadonlySet<string>): readonly string[] {
    const bundles = [...used].flatMap((id) => this.#record(id).bundles);
    const blobs = new Set(bundles.flatMap(({ manifest }) => manifest?.files ?? []).map(({ sha256 }) => BLOB + sha256));
    const keys = [
      ...this.#kept.list(RECORD).flatMap(({ key }) => (used.has(key.slice(RECORD.length)) ? [] : [key])),
      ...this.#kept.list(BLOB).flatMap(({ key }) => (blobs.has(key) ? [] : [key])),
    ];
    return keys.flatMap((key) => [key, ...deleteLarge(this.#kept, key).garbage]);
  }

  async close(): Promise<void> {
    for (const installed of this.#installed.values()) await installed.then((each) => each.release()).catch(() => {}); // whoever asked has heard why it is not there
    await this.#laid.close();
  }

  /** Those whose contents are kept have a manifest then. */
  async #keepContents(bundles: Found): Promise<BundleAt[]> {
    let room = KEPT_FILES_BYTES_MAX;
    const kept: BundleAt[] = [];
    for (const { bundle, isPlugin, path } of bundles) {
      const { files } = bundle.manifest;
      const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
      if (bytes > room || files.some((each) => each.bytes > KEPT_FILE_BYTES_MAX)) {
        this.#tell(`${path} is too large to be kept: it has to be at this path on every master`);
        kept.push({ path, isPlugin });
        continue;
      }
      room -= bytes;
      for (const [sha256, from] of bundle.sources) await this.#keepContent(sha256, from);
      kept.push({ path, isPlugin, manifest: bundle.manifest });
    }
    return kept;
  }

  async #keepContent(sha256: string, from: string): Promise<void> {
    if (this.#kept.get(BLOB + sha256)) return;
    const content = await readFile(from);
    if (createHash("sha256").update(content).digest("hex") !== sha256) {
      const message = `${from} was changed while it was submitted; submit it again`;
      throw new Failure("artifact.changed", message, { retryable: true });
    }
    await writeLarge(this.#kept, putLarge(this.#kept, BLOB + sha256, content));
  }

  async #placesOf(bundles: readonly BundleAt[]): Promise<ReadonlyMap<string, string>> {
    const places = new Map<string, string>();
    for (const bundle of bundles) places.set(bundle.path, await this.#placeOf(bundle));
    return places;
  }

  async #placeOf(at: BundleAt): Promise<string> {
    const { manifest, path } = at;
    if (!manifest) return path;
    const here = await bundleAt(at).catch(() => undefined); // it is not there, or nothing that could be used: the kept one is
    if (here?.manifest.id === manifest.id) return path;
    return (await this.#install(manifest)).entryPath;
  }

  #install(manifest: Manifest): Promise<InstalledBundle> {
    const { id } = manifest;
    const known = this.#installed.get(id);
    if (known) return known;
    const installed = this.#laid.ensure(manifest, this.#source(manifest));
    this.#installed.set(id, installed);
    installed.catch(() => this.#installed.delete(id)); // who asks next tries again
    return installed;
  }

  #source(manifest: Manifest): ArtifactSource {
    return {
      manifest: async () => manifest,
      read: async (sha256, offset, length) => {
        const content = getLarge(this.#kept, BLOB + sha256);
        if (content) return content.subarray(offset, offset + length);
        throw new Failure("kept.damaged", `the content ${sha256} of a submitted file is not kept`);
      },
    };
  }

  #record(id: string): Record {
    const bytes = getLarge(this.#kept, RECORD + id);
    if (bytes) return decodeKept(bytes) as Record; // written by keep
    throw new Failure("kept.damaged", `the files ${id} of a submission are not kept; submit it again`);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

/** All pipelines of a master: taken, found by name, and what is asked of them carried out. */
import { basename, resolve } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import { isDeposed } from "../../base/kept-state.ts";
import { nearMiss } from "../../base/near-miss.ts";
import type { PipelineFile } from "../../work/pipeline/file/index.ts";
import { withLibrary } from "../change-run.ts";
import { MasterPipeline, type MasterPipelinePorts } from "./master-pipeline.ts";
import type { Submission, Submissions } from "./submissions.ts";
import type { FileChange } from "./submitted/submitted-files.ts";

export interface SubmitRequest {
  readonly path: string;
  readonly fresh?: boolean | undefined;
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  /** Whose it is, when nobody has submitted it by hand. */
  readonly origin?: string | undefined;
  /** What `keep` has named before; what its file says now when left out. */
  readonly files?: string | undefined;
}

export interface StageSwap {
  readonly stage: string;
  /** A plugin file on the master's machine. */
  readonly library: string;
  /** Texts as in the pipeline file, in place of the stage's parameters of the same names. */
  readonly params?: Readonly<Record<string, string>> | undefined;
}

/** What is under way gets to be committed before a swap: longer than a batch takes, and a plugin that hangs may be why it is swapped. */
const SWAP_DRAIN_MS = 5_000;

/** Each one under way has processes on workers and memory here. */
const LIVING_MAX = 64;

export interface PipelinesPorts extends Omit<MasterPipelinePorts, "save"> {
  readonly submissions: Submissions;
  readonly newId: (name: string) => string;
  readonly nowMs: () => number;
  /** Keeps what the file is now, and names it. Fails with the file's faults. */
  readonly keep: (path: string) => Promise<string>;
  /** Keeps what was submitted, changed, and names that. Fails with `swap.refused`, and as `keep`. */
  readonly keepChanged: (submitted: Pick<Submission, "files" | "path">, change: FileChange) => Promise<string>;
  /** Nobody else needs what was kept of their files. */
  readonly retain: (files: readonly (string | undefined)[]) => Promise<void>;
}

export class Pipelines {
  readonly #ports: PipelinesPorts;
  readonly #pipelines = new Map<string, MasterPipeline>();
  /** Submissions of one file come one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Some files that are kept may be nobody's. */
  #isUntidy = true;

  constructor(ports: PipelinesPorts) {
    this.#ports = ports;
    for (const entry of ports.submissions.all()) this.#add(entry);
  }

  /** Goes on with all that were under way when the master ended. */
  start(): void {
    this.#tidy();
    for (const pipeline of this.#each) if (pipeline.entry.state === "running") pipeline.start();
  }

  list(): readonly MasterPipeline[] {
    return this.#each;
  }

  /**
   * A file that is under way, or has failed, becomes what it says now, from its checkpoint on; but not for somebody with an
   * origin, who takes nothing over. Fails with the file's faults, `master.too_many`, `master.store` or, for somebody with an
   * origin, `master.file_in_use`; then nothing has changed.
   */
  submit(request: SubmitRequest): Promise<MasterPipeline> {
    return this.#inTurn(resolve(request.path), () => this.#submitInTurn(request));
  }

  async #submitInTurn({
    files: kept,
    fresh = false,
    input,
    origin,
    output,
    path: written,
  }: SubmitRequest): Promise<MasterPipeline> {
    const path = resolve(written);
    const files = kept ?? (await this.#ports.keep(path));
    this.#isUntidy = true;
    const ends = { fresh, files, ...(input !== undefined && { input }), ...(output !== undefined && { output }) };
    const same = this.unfinished(path) ?? (origin === undefined ? this.#failed(path) : undefined);
    if (same && origin !== undefined) throw inUse(same);
    if (same) {
      await same.reopen({ ...ends, state: "running" });
      return same;
    }
    this.#requireRoom();
    const name = basename(path).replace(/\.[^.]*$/, "");
    const id = this.#ports.newId(name);
    const submittedMs = this.#ports.nowMs();
    const entry: Submission = { id, name, path, state: "running", ...ends, submittedMs, rewinds: 0 };
    return this.#begin(origin === undefined ? entry : { ...entry, origin });
  }

  async #begin(entry: Submission): Promise<MasterPipeline> {
    try {
      await this.#save(entry);
    } catch (thrown) {
      this.#takeBack(entry);
      throw thrown;
    }
    const pipeline = this.#add(entry);
    pipeline.start();
    return pipeline;
  }

  /** Who was told that it was refused must not find it under way when another master leads. */
  #takeBack({ id, name }: Submission): void {
    this.#ports.submissions.forget(id).catch((thrown: unknown) => {
      if (!isDeposed(thrown))
        this.#ports.tell(`${name}: was refused, and may be begun all the same: ${messageOf(thrown)}`);
    });
  }

  #requireRoom(): void {
    const living = this.#each.filter(({ isOver }) => !isOver).length;
    if (living < LIVING_MAX) return;
    const message = `${living} pipelines are under way; at most ${LIVING_MAX} are allowed`;
    throw new Failure("master.too_many", message, { retryable: true });
  }

  #inTurn<T>(path: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(path) ?? Promise.resolve();
    const done = before.then(work);
    const over = done.then(
      () => {},
      () => {},
    );
    this.#turns.set(path, over);
    void over.then(() => {
      if (this.#turns.get(path) === over) this.#turns.delete(path);
      this.#tidy();
    });
    return done;
  }

  /**
   * For a file named on the command line, which who starts a master again names again: one that this master knows is left as it
   * is. Fresh begins what is over anew, and leaves alone what is under way or paused: it may have begun so itself.
   */
  submitOnce(request: SubmitRequest): Promise<MasterPipeline> {
    return this.#inTurn(resolve(request.path), () => this.#submitOnceInTurn(request));
  }

  async #submitOnceInTurn(request: SubmitRequest): Promise<MasterPipeline> {
    const path = resolve(request.path);
    const known = this.#each.findLast(({ entry }) => entry.path === path && entry.state !== "cancelled");
    if (!known) return this.#submitInTurn(request);
    const { name, state } = known.entry;
    if (known.isUnfinished) {
      const how = state === "paused" ? "was paused before and is left so" : "was under way before and goes on";
      if (request.fresh) this.#ports.tell(`${name} ${how}; submit ${request.path} --fresh starts it over`);
      return known;
    }
    if (request.fresh) return this.#submitInTurn(request);
    if (state === "failed") known.start();
    if (state === "ended") this.#ports.tell(`${name} has ended before and is left so; --fresh runs it again`);
    return known;
  }

  async pause(which: string): Promise<MasterPipeline> {
    const pipeline = this.find(which);
    if (pipeline.isOver && pipeline.entry.state !== "paused") throw notUnderWay(pipeline, "paused");
    await pipeline.pause();
    return pipeline;
  }

  /** A paused one goes on with what was submitted. One that has failed takes what its file says now, as `submit` does. */
  async resume(which: string): Promise<MasterPipeline> {
    const pipeline = this.find(which);
    const { path, state } = pipeline.entry;
    if (state === "ended" || state === "cancelled")
      throw notUnderWay(pipeline, "resumed; submit its file to run it anew");
    if (state !== "failed") await pipeline.resume();
    else await this.#inTurn(path, () => this.#mend(pipeline));
    return pipeline;
  }

  async #mend(pipeline: MasterPipeline): Promise<void> {
    const { files: submitted, path } = pipeline.entry;
    try {
      const files = await this.#ports.keep(path);
      this.#isUntidy = true;
      await pipeline.reopen({ files, state: "running" });
    } catch (thrown) {
      const isGone = thrown instanceof Failure && thrown.code === "pipeline.file.not_found";
      if (!isGone || submitted === undefined) throw thrown; // it was submitted somewhere else
      await pipeline.resume();
    }
  }

  /**
   * The submission becomes the same with another library for one stage, from its checkpoint on; until its file is submitted anew, whoever
   * leads. Fails with `swap.not_found`, `swap.refused` or `master.state`; then nothing has changed.
   */
  async swap(which: string, { library, params, stage }: StageSwap): Promise<MasterPipeline> {
    const pipeline = this.find(which);
    await this.#inTurn(pipeline.entry.path, async () => {
      const { files: submitted, path, state } = pipeline.entry;
      if (state !== "running" && state !== "failed") throw notUnderWay(pipeline, "given another library");
      if (state === "failed") this.#refuseOthersFile(pipeline);
      const plugin = resolve(library);
      const apply = (file: PipelineFile): PipelineFile => withLibrary(file, stage, plugin, params ?? {});
      const files = await this.#ports.keepChanged({ files: submitted, path }, { apply, plugin });
      this.#isUntidy = true;
      await pipeline.reopen({ files, state: "running" }, SWAP_DRAIN_MS);
    });
    return pipeline;
  }

  /** One that has failed has no claim on its file any more. */
  #refuseOthersFile({ entry: { id, path } }: MasterPipeline): void {
    const other = this.unfinished(path);
    if (other && other.entry.id !== id) throw inUse(other);
  }

  async cancel(which: string): Promise<MasterPipeline> {
    const pipeline = this.find(which);
    if (pipeline.isOver && pipeline.entry.state === "ended") throw notUnderWay(pipeline, "cancelled");
    await pipeline.cancel();
    return pipeline;
  }

  /** Commits what is under way everywhere; what is not through within the limit is done again by the next life. */
  async leave(): Promise<void> {
    await Promise.all(this.#each.filter(({ isOver }) => !isOver).map((pipeline) => pipeline.leave()));
  }

  /** Another master leads: everything ends at once, and nobody hears of it. */
  async drop(reason: string): Promise<void> {
    await Promise.all(this.#each.map((pipeline) => pipeline.drop(reason)));
  }

  /** Nothing is stored from now on. */
  async close(): Promise<void> {
    await Promise.all(this.#each.map((pipeline) => pipeline.close()));
  }

  /** Who has this file, its checkpoint and its output. */
  unfinished(path: string): MasterPipeline | undefined {
    return this.#each.find(({ entry, isUnfinished }) => entry.path === path && isUnfinished);
  }

  /** By id, by the beginning of an id, or by name; of several of one name the last submitted. Fails with `master.not_found`. */
  find(which: string): MasterPipeline {
    const exact = this.#pipelines.get(which);
    if (exact) return exact;
    const named = this.#each.findLast(({ entry }) => entry.name === which);
    if (named) return named;
    const begun = this.#each.filter(({ entry }) => entry.id.startsWith(which));
    if (begun.length === 1) return begun[0]!;
    const names = [...new Set(this.#each.map(({ entry }) => entry.name))];
    const near = nearMiss(which, names);
    const hint = near === undefined ? `there are ${names.slice(-20).join(", ") || "none"}` : `did you mean ${near}?`;
    throw new Failure("master.not_found", `no pipeline is ${JSON.stringify(which)}; ${hint}`);
  }

  get #each(): readonly MasterPipeline[] {
    return [...this.#pipelines.values()];
  }

  /** What somebody else has begun and has failed is his. */
  #failed(path: string): MasterPipeline | undefined {
    return this.#each.find(
      ({ entry }) => entry.path === path && entry.state === "failed" && entry.origin === undefined,
    );
  }

  #add(entry: Submission): MasterPipeline {
    const pipeline = new MasterPipeline(entry, { ...this.#ports, save: (changed) => this.#save(changed) });
    this.#pipelines.set(entry.id, pipeline);
    return pipeline;
  }

  /** As many as are stored are known. */
  async #save(entry: Submission): Promise<void> {
    for (const id of await this.#ports.submissions.save(entry)) {
      const pipeline = this.#pipelines.get(id);
      if (!pipeline || pipeline.isUnfinished) continue; // stored otherwise than it is: it is stored again
      pipeline.close();
      this.#pipelines.delete(id);
      if (!this.#each.some((each) => each.entry.path === pipeline.entry.path)) await this.#clear(pipeline.entry.path);
    }
  }

  /** Nobody goes on from this checkpoint. */
  async #clear(path: string): Promise<void> {
    await this.#tidied(async () => this.#ports.checkpoints(path).clear());
  }

  #tidy(): void {
    if (!this.#isUntidy || this.#turns.size > 0) return;
    this.#isUntidy = false;
    void this.#tidied(() => this.#ports.retain(this.#each.map(({ entry }) => entry.files)));
  }

  /** What stays takes room, and does no other harm. */
  async #tidied(tidy: () => Promise<void>): Promise<void> {
    try {
      await tidy();
    } catch (thrown) {
      if (!isDeposed(thrown)) this.#ports.tell(`what is no longer needed stays kept: ${messageOf(thrown)}`);
    }
  }
}

/** The code of a refusal that ends when somebody else is through with the file. */
export const FILE_IN_USE = "master.file_in_use";

function inUse({ entry: { id, path, state } }: MasterPipeline): Failure {
  const message = `${path} is in use: ${id} is ${state} with it, and has to be over first`;
  return new Failure(FILE_IN_USE, message, { retryable: true });
}

function notUnderWay({ entry }: MasterPipeline, what: string): Failure {
  return new Failure("master.state", `${entry.name} is ${entry.state} and cannot be ${what}`);
}

/**
 * Changes to a run under way, as people ask for them: the pipeline file read again, or another library for one stage. What
 * does not check changes nothing and says why. Stages may change; the ends and the settings are those of the whole run.
 */
import { Failure } from "../base/errors.ts";
import type { PipelineRun } from "../work/pipeline/engine/index.ts";
import type { PipelineFile } from "../work/pipeline/file/index.ts";
import type { ChangeReport, StagePlan } from "../work/pipeline/stages/index.ts";
import { faultsText, prepareOrRefuse } from "./check-pipeline.ts";
import { type PreparedPipeline, prepareFile } from "./prepare-pipeline.ts";
import type { WatchedFile } from "./watch-files.ts";

export interface ChangeableRun {
  readonly run: Pick<PipelineRun, "change" | "stages">;
  /** Results leave as they come: a stage that needs its batches in order cannot join. */
  readonly ordered: boolean;
  fingerprintOf(prepared: Pick<PreparedPipeline, "file" | "stages">): string;
}

export interface SwapRequest {
  readonly stage: string;
  readonly library: string;
  /** Texts as in the pipeline file; they replace parameters of the same name. */
  readonly params: Readonly<Record<string, string>>;
}

/** What a stage runs since a swap. */
interface Swapped {
  readonly plan: StagePlan;
  readonly library: string;
  readonly params: SwapRequest["params"];
}

export class RunChanges {
  readonly #target: ChangeableRun;
  #current: PreparedPipeline;
  /** By stage; forgotten with the next reload. */
  readonly #swapped = new Map<string, Swapped>();

  constructor(target: ChangeableRun, prepared: PreparedPipeline) {
    this.#target = target;
    this.#current = prepared;
  }

  /** Files that make the run what it is: a change of one of them is a reason to reload. */
  get files(): readonly WatchedFile[] {
    const { stages } = this.#target.run;
    const plugins = stages.flatMap((stage) => (stage.fallback ? [stage, stage.fallback] : [stage]));
    const files = plugins.filter(({ library }) => library.startsWith("/"));
    return [{ path: this.#current.path }, ...files.map(({ library, revision }) => watched(library, revision))];
  }

  /** Fails with `pipeline.*` when the file does not check, `reload.*` or `swap.*` when the run cannot change so. */
  async reload(): Promise<ChangeReport> {
    const prepared = await prepareOrRefuse(this.#current.path);
    refuseOtherEnds(this.#current, prepared);
    const report = await this.#change(() => prepared.stages);
    this.#current = prepared;
    this.#swapped.clear();
    return report;
  }

  /** The stage runs this library from now on, until the next reload: the pipeline file is not touched. */
  async swap({ library, params: given, stage }: SwapRequest): Promise<ChangeReport> {
    const { path, text, file } = this.#current;
    if (!/\.(ts|js)$/.test(library)) {
      throw new Failure(
        "swap.refused",
        `${JSON.stringify(library)} is no plugin: a file ending in .ts or .js is required`,
      );
    }
    const params = { ...this.#paramsSince(stage), ...given };
    const prepared = await prepareFile(path, { file: withLibrary(file, stage, library, params), faults: [], text });
    if (prepared.faults.length > 0) throw new Failure("swap.refused", faultsText(prepared));
    const plan = prepared.stages.find(({ name }) => name === stage)!;
    const report = await this.#change(() => this.#target.run.stages.map((each) => (each.name === stage ? plan : each)));
    this.#swapped.set(stage, { plan, library, params });
    return report;
  }

  /** What earlier swaps gave this stage, unless the last of them was taken back. */
  #paramsSince(stage: string): SwapRequest["params"] {
    const swapped = this.#swapped.get(stage);
    return swapped && this.#target.run.stages.includes(swapped.plan) ? swapped.params : {};
  }

  #change(wanted: () => readonly StagePlan[]): Promise<ChangeReport> {
    const { ordered, run, fingerprintOf } = this.#target;
    const { file } = this.#current;
    const checked = (): readonly StagePlan[] => {
      const stages = wanted();
      const inOrder = stages.find(({ sequential }) => sequential);
      if (!inOrder || ordered) return stages;
      const message = `stage ${inOrder.name} needs its batches in order, and this run began with ordered=false; stop it and run it again`;
      throw new Failure("reload.needs_restart", message);
    };
    return run.change(checked, (stages) => fingerprintOf({ file, stages }));
  }
}

/** A stage that nobody has looked into has no revision. */
function watched(path: string, revision: string): WatchedFile {
  return revision === "" ? { path } : { path, content: revision };
}

/** Sources, sinks and settings are opened and sized once. */
function refuseOtherEnds(before: PreparedPipeline, after: PreparedPipeline): void {
  const settings = Object.keys({
    ...before.file.settings,
    ...after.file.settings,
  }) as (keyof PipelineFile["settings"])[]; // keys of the schema
  const changed = settings.filter((name) => before.file.settings[name] !== after.file.settings[name]);
  const parts = [
    ...(Bun.deepEquals(before.source, after.source) ? [] : ["the source"]),
    ...(Bun.deepEquals(before.sink, after.sink) ? [] : ["the sink"]),
    ...changed.map((name) => `the setting ${name}`),
  ];
  if (parts.length === 0) return;
  const message = `${before.path}: ${parts.join(", ")} changed, and only stages can change while a run is under way; stop it and run it again`;
  throw new Failure("reload.needs_restart", message);
}

/** The file with another library for one stage. Fails with `swap.not_found`. */
export function withLibrary(
  file: PipelineFile,
  name: string,
  library: string,
  params: SwapRequest["params"],
): PipelineFile {
  const names = file.stages.filter(({ enabled }) => enabled).map((stage) => stage.name);
  if (!names.includes(name)) {
    throw new Failure("swap.not_found", `there is no stage ${JSON.stringify(name)}; there are ${names.join(", ")}`);
  }
  const stages = file.stages.map((stage) => {
    if (stage.name !== name) return stage;
    const kept = stage.params.filter(({ key }) => !Object.hasOwn(params, key));
    const place = { line: stage.line, keyColumn: 1, valueColumn: 1 };
    const given = Object.entries(params).map(([key, value]) => ({ key, value, ...place }));
    return { ...stage, library, params: [...kept, ...given] };
  });
  return { ...file, stages };
}

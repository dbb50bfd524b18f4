/**
 * Opens a run of a prepared pipeline: chooses its ends, finds its checkpoint, decides whether to go on or to start over,
 * and puts the engine together.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { Failure, messageOf } from "../base/errors.ts";
import { seededRandom } from "../base/random.ts";
import { type Checkpoint, CheckpointStore } from "../work/pipeline/checkpoint/index.ts";
import { type PipelinePorts, PipelineRun } from "../work/pipeline/engine/index.ts";
import { createSink, inferSink } from "../work/pipeline/sink/index.ts";
import { createSource, inferFormat } from "../work/pipeline/source/index.ts";
import { openEventLog } from "./event-log.ts";
import type { EndChoice, PreparedPipeline } from "./prepare-pipeline.ts";
import { hostCommand, pipelineDirectory } from "./self.ts";

export interface RunChoices {
  /** A path that replaces the source's, or `-`. */
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly fresh: boolean;
  readonly show: PipelinePorts["show"];
  /** A file that takes a line for each thing that happens to hosts and batches. */
  readonly events?: string | undefined;
}

export interface OpenedRun {
  readonly run: PipelineRun;
  readonly stages: readonly string[];
  readonly resumed: boolean;
  readonly checkpointPath: string;
  readonly deadLettersPath: string;
  readonly sinkPath: string | undefined;
}

export function openRun(prepared: PreparedPipeline, choices: RunChoices): OpenedRun {
  const source = chooseSource(prepared, choices.input);
  const sink = chooseSink(prepared, choices.output);
  const directory = pipelineDirectory(choices.dataDir, prepared.path);
  const deadLettersPath = resolve(prepared.file.settings.dead_letters ?? join(directory, "dead-letters.ndjson"));
  refuseSharedFiles(prepared.path, source, sink, deadLettersPath);
  const checkpointPath = join(directory, "checkpoint.db");
  makeStateDirectory(directory);
  const store = choices.fresh ? CheckpointStore.openFresh(checkpointPath) : CheckpointStore.open(checkpointPath);
  try {
    const fingerprint = fingerprintOf(prepared, source, sink, deadLettersPath);
    const { run, resume } = findRun(store, fingerprint, choices.fresh);
    const observe = choices.events === undefined ? undefined : openEventLog(choices.events, systemClock);
    const pipeline = new PipelineRun(
      {
        name: prepared.file.name,
        stages: prepared.stages,
        settings: prepared.file.settings,
        source: openSource(source, prepared.path, run.startedMs),
        sink: createSink(sink.kind, sink.params),
        deadLetters: createSink("ndjson", { path: deadLettersPath }),
        store,
        resume,
        run,
        dropSeq: plantedLoss(),
      },
      { clock: systemClock, random: seededRandom(process.pid), host: hostCommand(), show: choices.show, observe },
    );
    const sinkPath = typeof sink.params.path === "string" ? sink.params.path : undefined;
    const stages = prepared.stages.map(({ name }) => name);
    return { run: pipeline, stages, resumed: resume !== undefined, checkpointPath, deadLettersPath, sinkPath };
  } catch (thrown) {
    store.close();
    throw thrown;
  }
}

function makeStateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    const message = `cannot keep state in ${directory}: ${messageOf(thrown)}; --data-dir has to name a directory that can be written`;
    throw new Failure("settings.data_dir", message, { cause: thrown });
  }
}

function openSource(source: EndChoice, pipelinePath: string, startTimeMs: number) {
  const directories = [process.cwd(), resolve(dirname(pipelinePath))];
  return createSource(source.kind, source.params, {
    startTimeMs,
    stdin: Bun.stdin.stream(),
    clock: systemClock,
    directories,
  });
}

/** Starting over empties the outputs: none of them may be the input, or each other. */
function refuseSharedFiles(pipelinePath: string, source: EndChoice, sink: EndChoice, deadLetters: string): void {
  const files = [
    ...(typeof source.params.path === "string" ? [["source", resolve(source.params.path)] as const] : []),
    ...(typeof sink.params.path === "string" ? [["sink", resolve(sink.params.path)] as const] : []),
    ["dead letters", deadLetters] as const,
    ["pipeline file", resolve(pipelinePath)] as const,
  ].filter(([, path]) => basename(path) !== "-");
  for (const [index, [role, path]] of files.entries()) {
    const other = files.slice(index + 1).find(([, each]) => samePath(each, path));
    if (other)
      throw new Failure(
        "pipeline.config.same_file",
        `${path} is ${role} and ${other[0]} at once; each needs a file of its own`,
      );
  }
}

function samePath(left: string, right: string): boolean {
  if (left === right) return true;
  return existsSync(left) && existsSync(right) && realpathSync(left) === realpathSync(right);
}

/** `--input` keeps the file's parameters when the format is the same, and takes the format from the ending otherwise. */
function chooseSource(prepared: PreparedPipeline, input: string | undefined): EndChoice {
  const { source } = prepared;
  if (input === undefined) {
    if (source) return source;
    throw new Failure(
      "pipeline.config.no_source",
      `${prepared.path} names no source: add a source:KIND line or --input FILE`,
    );
  }
  const inferred = input === "-" ? undefined : inferFormat(input);
  if (source && (!inferred || inferred.kind === source.kind || source.kind === "apache")) {
    return { kind: source.kind, params: { ...source.params, path: input } };
  }
  return { kind: inferred?.kind ?? "ndjson", params: { path: input } };
}

function chooseSink(prepared: PreparedPipeline, output: string | undefined): EndChoice {
  const { sink } = prepared;
  if (output === undefined) {
    if (sink) return sink;
    throw new Failure(
      "pipeline.config.no_sink",
      `${prepared.path} names no sink: add a sink:KIND line or --output FILE`,
    );
  }
  const inferred = output === "-" ? undefined : inferSink(output);
  if (sink && (!inferred || inferred === sink.kind))
    return { kind: sink.kind, params: { ...sink.params, path: output } };
  return { kind: inferred ?? "ndjson", params: { path: output } };
}

/** What must not change between a run and its continuation: the ends, how the input is cut, which stages keep state. */
function fingerprintOf(prepared: PreparedPipeline, source: EndChoice, sink: EndChoice, deadLetters: string): string {
  const { batch_rows, batch_bytes } = prepared.file.settings;
  const stages = prepared.stages.map(({ name, stateful }) => (stateful ? `${name}*` : name));
  return JSON.stringify({ source, sink, deadLetters, batch_rows, batch_bytes, stages });
}

/**
 * The unfinished run, or a new one. A new one is on disk before anything happens under its name: what plugins have done
 * outside under that name must be known again, also when the first checkpoint was never reached.
 */
function findRun(store: CheckpointStore, fingerprint: string, fresh: boolean) {
  const found = fresh ? undefined : store.load();
  if (found && !found.finished && (found.seq > 0 || found.fingerprint === fingerprint)) {
    const { run, startedMs, seq } = sameRun(found, fingerprint);
    return { run: { run, startedMs, fingerprint }, resume: seq > 0 ? found : undefined };
  }
  store.clear();
  const run = { run: randomUUID(), startedMs: systemClock.now(), fingerprint };
  const nothing = { source: undefined, sink: undefined, deadLetters: undefined, counts: undefined };
  store.save({ ...run, ...nothing, finished: false, seq: 0, ahead: [], states: new Map() });
  return { run, resume: undefined };
}

function sameRun(found: Checkpoint, fingerprint: string): Checkpoint {
  if (found.fingerprint === fingerprint) return found;
  const [before, now] = [found.fingerprint, fingerprint].map((text) => JSON.parse(text) as Record<string, unknown>);
  const changed = Object.keys(now!).filter((key) => JSON.stringify(now![key]) !== JSON.stringify(before![key]));
  const message = `an unfinished run of this pipeline had another ${changed.join(", ")}; put that back, or start over with --fresh`;
  throw new Failure("checkpoint.other_run", message);
}

/** For tests of the accounting only: this batch is acknowledged and not written. */
function plantedLoss(): number | undefined {
  const text = process.env.DISTRIBUTED_SYSTEM_PLANT_LOST_BATCH;
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}

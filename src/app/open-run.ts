/** Opens a run of a prepared pipeline: its ends, its checkpoint, its locks; and puts the engine together. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { Failure, messageOf } from "../base/errors.ts";
import { seededRandom } from "../base/random.ts";
import { CheckpointStore, type Checkpoints } from "../work/pipeline/checkpoint/index.ts";
import { PipelineRun, type RunPorts } from "../work/pipeline/engine/index.ts";
import { createSink, endOfNdjson } from "../work/pipeline/sink/index.ts";
import { type ExecutorFactory, type PipelinePorts, PipelineStages } from "../work/pipeline/stages/index.ts";
import { openEventLog } from "./event-log.ts";
import { EACH_ITS_OWN, LocalDeadLetters } from "./local-dead-letters.ts";
import { noticesOf } from "./notices.ts";
import { lockOutputs, type OutputLocks } from "./output-locks.ts";
import type { EndChoice, PreparedPipeline } from "./prepare-pipeline.ts";
import { findRun, fingerprintOf } from "./resume.ts";
import { chooseSink, chooseSource, isRepeatable, openSink, openSource, refuseSharedFiles } from "./run-ends.ts";
import { hostCommand, pipelineDirectory, stateDirectory } from "./self.ts";

export interface RunChoices {
  /** A path that replaces the source's, or `-`. */
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly fresh: boolean;
  /** The run that the caller has begun before. */
  readonly begun?: string | undefined;
  readonly show: PipelinePorts["show"];
  readonly tracer?: PipelinePorts["tracer"];
  /** What people should know and the run goes on without. */
  readonly warn: (text: string) => void;
  /** Keeps where the run stands, instead of a file in the pipeline's directory; closed with the run. */
  readonly checkpoints?: Checkpoints | undefined;
  /** Where batches go through the stages, when that is not in this process; and how many may be under way there. */
  readonly executor?: ExecutorFactory | undefined;
  readonly inFlight?: number | undefined;
  /** A master's: nobody types into its standard input, or reads its standard output as data. */
  readonly isUnattended?: boolean | undefined;
  /** A file that takes a line for each thing that happens to hosts and batches. */
  readonly events?: string | undefined;
}

export interface OpenedRun {
  readonly run: PipelineRun;
  /** The run's own name, for `begun`. */
  readonly id: string;
  /** It is the run that was begun before, and has come to its end: to be discarded, not run. */
  readonly isOver: boolean;
  readonly ordered: boolean;
  /** What the run would be with these stages. */
  fingerprintOf(prepared: Pick<PreparedPipeline, "file" | "stages">): string;
  readonly resumed: boolean;
  /** Stages whose parameters are not what they were when the resumed run began. */
  readonly changedStages: readonly string[];
  readonly locks: OutputLocks;
  /** Left out where the checkpoint is no file. */
  readonly checkpointPath: string | undefined;
  readonly deadLettersPath: string;
  readonly sinkPath: string | undefined;
}

export async function openRun(prepared: PreparedPipeline, choices: RunChoices): Promise<OpenedRun> {
  const source = chooseSource(prepared, choices.input);
  const sink = chooseSink(prepared, choices.output);
  if (choices.isUnattended) refuseStandardStreams(source, sink);
  const directory = pipelineDirectory(choices.dataDir, prepared.path);
  const deadLettersPath = resolve(prepared.file.settings.dead_letters ?? join(directory, "dead-letters.ndjson"));
  refuseSharedFiles(prepared.path, source, sink, deadLettersPath);
  makeStateDirectory(directory);
  const { checkpointPath, store } = openCheckpoints(directory, choices);
  const sinkPath = typeof sink.params.path === "string" ? sink.params.path : undefined;
  const places = { checkpointPath, deadLettersPath, sinkPath };
  let locks: OutputLocks | undefined;
  try {
    locks = lockOutputs([deadLettersPath, ...(sinkPath === undefined || sinkPath === "-" ? [] : [sinkPath])]);
    const sequential = prepared.stages.some((stage) => stage.sequential);
    const ordered = prepared.file.settings.ordered || sequential || !isRepeatable(source, prepared.path);
    const isShared = choices.checkpoints !== undefined && prepared.file.settings.dead_letters === undefined;
    const ends = { source, sink, deadLetters: isShared ? EACH_ITS_OWN : deadLettersPath, ordered };
    const fingerprint = fingerprintOf(prepared, ends);
    const file = createSink("ndjson", { path: deadLettersPath }, { mode: 0o600 });
    const local = isShared ? LocalDeadLetters.in(directory, file) : undefined;
    const deadLettersEnd = choices.fresh
      ? undefined
      : await (local ? local.end(deadLettersPath) : endOfNdjson(deadLettersPath));
    if (!choices.fresh) await local?.arrive(store, deadLettersPath);
    const found = await findRun(store, fingerprint, choices.fresh, deadLettersEnd, choices.begun);
    const { changedStages, deadLettersStart, isOver, resume, run } = found;
    const plan = {
      name: prepared.file.name,
      stages: prepared.stages,
      settings: prepared.file.settings,
      source: openSource(source, prepared.path, run.startedMs, directory),
      sink: openSink(sink, run.run),
      deadLetters: local ?? file,
      deadLettersStart,
      ordered,
      inFlight: choices.inFlight,
      store,
      resume,
      run,
      dropSeq: plantedLoss(),
    };
    return {
      run: new PipelineRun(plan, ports(choices)),
      id: run.run,
      isOver,
      ordered,
      fingerprintOf: (other) => fingerprintOf(other, ends),
      resumed: resume !== undefined,
      changedStages,
      locks,
      ...places,
    };
  } catch (thrown) {
    store.close();
    locks?.release();
    throw thrown;
  }
}

function openCheckpoints(directory: string, { checkpoints, fresh }: RunChoices) {
  if (checkpoints) return { store: checkpoints, checkpointPath: undefined };
  const checkpointPath = join(directory, "checkpoint.db");
  return {
    store: fresh ? CheckpointStore.openFresh(checkpointPath) : CheckpointStore.open(checkpointPath),
    checkpointPath,
  };
}

function ports({ dataDir, events, executor = inThisProcess, show, tracer, warn }: RunChoices): RunPorts {
  const log = events === undefined ? undefined : openEventLog(events, systemClock);
  const notice = noticesOf(warn, systemClock);
  const observe: PipelinePorts["observe"] = (stage, event) => {
    log?.(stage, event);
    notice(stage, event);
  };
  const workDirectory = join(stateDirectory(dataDir), "work");
  const random = seededRandom(process.pid);
  return { clock: systemClock, random, host: hostCommand(), workDirectory, executor, show, observe, tracer };
}

function refuseStandardStreams(...ends: readonly EndChoice[]): void {
  const found = ends.find(({ params }) => params.path === "-");
  if (!found) return;
  const message = `path=- of ${found.kind} is this master's own standard input or output; a file or an address is required`;
  throw new Failure("pipeline.config.standard_stream", message);
}

const inThisProcess: ExecutorFactory = (options) => new PipelineStages(options);

function makeStateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    const message = `cannot keep state in ${directory}: ${messageOf(thrown)}; --data-dir has to name a directory that can be written`;
    throw new Failure("settings.data_dir", message, { cause: thrown });
  }
}

/** For tests of the accounting only: this batch is acknowledged and not written. */
function plantedLoss(): number | undefined {
  const text = process.env.DISTRIBUTED_SYSTEM_PLANT_LOST_BATCH;
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** What a run is given: its plan, and the ports that it needs. */
import type { Checkpoint, Checkpoints } from "../checkpoint/index.ts";
import type { Settings } from "../file/index.ts";
import type { Sink, SinkPosition } from "../sink/index.ts";
import type { Source } from "../source/index.ts";
import type { ExecutorFactory, PipelinePorts, StagePlan } from "../stages/index.ts";

export interface PipelinePlan {
  readonly name: string;
  readonly stages: readonly StagePlan[];
  readonly settings: Settings;
  /** Batches under way, instead of the setting: several workers need more than one. Less where the memory does not hold them. */
  readonly inFlight?: number | undefined;
  readonly source: Source;
  readonly sink: Sink;
  readonly deadLetters: Sink;
  /** Where the dead letters of this run begin in their file, when it has no checkpoint yet. */
  readonly deadLettersStart: SinkPosition | undefined;
  /** Results leave in source order. False only where every reading of the input cuts the same batches and no stage keeps state. */
  readonly ordered: boolean;
  /** Without a store the run cannot be resumed. */
  readonly store: Pick<Checkpoints, "save" | "close"> | undefined;
  /** What the store held, when this run continues it. */
  readonly resume: Checkpoint | undefined;
  readonly run: Pick<Checkpoint, "run" | "startedMs" | "fingerprint">;
  /** Planted bug for tests: the batch with this number is counted and never written. */
  readonly dropSeq?: number | undefined;
}

export interface RunPorts extends PipelinePorts {
  /** Where the batches go through the stages. */
  readonly executor: ExecutorFactory;
}

/** What a run with these stages is. */
export type FingerprintOf = (stages: readonly StagePlan[]) => string;

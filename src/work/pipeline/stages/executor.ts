/**
 * Where the batches of a run go through its stages: in this process (PipelineStages), or on workers. The run itself cuts the
 * source, keeps the order and commits; it does not know which of the two it has.
 */
import type { Failure } from "../../../base/errors.ts";
import type { TreeNode } from "../../../process/supervise/index.ts";
import type { Settings } from "../file/index.ts";
import type { Sink } from "../sink/index.ts";
import type { Slot } from "./edge.ts";
import type { ChangeReport } from "./live-change.ts";
import type { PipelinePorts } from "./pipeline-ports.ts";
import type { StageProgress } from "./stage-at-work.ts";
import type { Fence, Item, StagePlan } from "./types.ts";

/** A fence, an idle source's checkpoint and the empty batch at the end may be under way beside the batches that were counted. */
export const EMPTY_BATCHES = 3;

export interface ExecutorOptions {
  readonly pipeline: string;
  readonly run: string;
  readonly stages: readonly StagePlan[];
  readonly settings: Settings;
  /** What the last stage makes. */
  readonly encoding: Sink["encoding"];
  /** Batches under way at most. */
  readonly inFlight: number;
  /** Number of the first batch, and the states that stages go on from. */
  readonly firstSeq: number;
  readonly states: ReadonlyMap<string, Uint8Array> | undefined;
  readonly ports: PipelinePorts;
  readonly signal: AbortSignal;
  untilOldest(seq: number): Promise<void>;
  failed(reason: unknown): void;
}

/** What a change needs of whoever sends the batches. */
export interface FencePorts {
  /**
   * Calls `switchOver` with the number of the batch behind the fence, and sends the fence through the stages of before, with
   * no other batch between. Gives the fence's number. When `switchOver` throws, nothing is sent.
   */
  send(fence: Fence, switchOver: (nextSeq: number) => void): Promise<number>;
  /** Resolves when the batch of this number, and all before it, are committed. */
  committed(seq: number): Promise<void>;
}

export interface Way {
  /** The batch's slot is then where the result lies. Rejects when the run has to stop. */
  process(item: Item): Promise<void>;
}

export interface Executor {
  /** At work, in order. */
  readonly stages: readonly StagePlan[];
  /** Fails when a stage cannot run. */
  start(): Promise<void>;
  /** Room for a raw batch. */
  slot(bytes: number, seq: number): Promise<Slot>;
  /** Through the stages that are at work now; a batch goes one way from end to end, also when the stages change meanwhile. */
  readonly way: Way;
  /** In order: plugins clean up. */
  stop(): Promise<void>;
  /** Kills what still runs; nothing does when it resolves. */
  close(): Promise<void>;
  /** Gives the memory back, when nobody reads a batch any more: not the sink either. */
  release(): void;
  /** Nobody waits for anything any more. */
  refuseAll(reason: Failure): void;
  /** Starts what somebody has stopped, so that batches can drain. */
  resume(): void;
  progress(): readonly StageProgress[];
  tree(): TreeNode;
  /** A stage, or one of its hosts (`lane 0`, `standby 0`). Fails with `instance.not_found` or `reload.busy`. */
  stopChild(stage: string, host?: string): Promise<void>;
  restartChild(stage: string, host?: string): Promise<void>;
  /** Fails with `reload.*` or `swap.*` and leaves the stages as they were. `wanted` is asked when other changes are done. */
  change(wanted: () => readonly StagePlan[], fence: FencePorts): Promise<ChangeReport>;
}

export type ExecutorFactory = (options: ExecutorOptions) => Executor;

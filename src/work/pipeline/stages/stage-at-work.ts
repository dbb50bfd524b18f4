/** Puts one stage together: its turns, lanes, hosts, replay log, swaps and fallback. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { SharedMemory } from "../../../process/memory/index.ts";
import {
  type HostCommand,
  type HostHandlers,
  HostProcess,
  type ProcessMessage,
} from "../../../process/plugin/index.ts";
import type { TreeNode } from "../../../process/supervise/index.ts";
import { BatchSample } from "./batch-sample.ts";
import { CrashLoop } from "./crash-loop.ts";
import type { Edge } from "./edge.ts";
import { FallbackHosts } from "./fallback-hosts.ts";
import { HostLauncher, type OverLimits } from "./host-launcher.ts";
import { Lane, type LaneOptions } from "./lane.ts";
import { ReplayLog } from "./replay-log.ts";
import { Stage } from "./stage.ts";
import type { BreakerProgress } from "./stage-breaker.ts";
import type { LoadHost } from "./stage-host.ts";
import { type RestartOptions, type StageBody, StageHosts } from "./stage-hosts.ts";
import type { SwapReport } from "./stage-swap.ts";
import { StageSwaps } from "./stage-swaps.ts";
import { StateMemory } from "./state-memory.ts";
import { Turns } from "./turns.ts";
import type { StageEvent, StagePlan } from "./types.ts";

export interface StageParts {
  readonly plan: StagePlan;
  readonly pipeline: string;
  readonly run: string;
  readonly input: Edge;
  readonly output: Edge;
  readonly firstSeq: number;
  readonly snapshot: Uint8Array | undefined;
  readonly encoding: ProcessMessage["encoding"];
  readonly strict: boolean;
  readonly clock: Clock;
  readonly host: HostCommand;
  readonly signal: AbortSignal;
  readonly restart: RestartOptions;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  /** How long a swap may be taken back by itself; zero when left out. */
  readonly swapWindowMs?: number;
  readonly random?: Random;
  /** Where the segment for states is made; it must know what else was promised there. */
  readonly memory?: SharedMemory;
  /** Each host gets a directory of its own below it. */
  readonly workDirectory?: string | undefined;
  /** Starts processes; another one in tests. */
  readonly load?: LoadHost;
  backoff(attempt: number): Promise<void>;
  failed(reason: unknown): void;
  show(stream: Parameters<HostHandlers["output"]>[0], line: string): void;
  observe?: ((event: StageEvent) => void) | undefined;
}

export interface StageAtWork {
  readonly stage: Stage;
  /** Another one after a swap, and the old one again when it is taken back. */
  readonly plan: StagePlan;
  readonly hosts: {
    /** With the state that a stage of this name had before, when there is one. */
    start(state?: Uint8Array): Promise<void>;
    stop(): Promise<void>;
    abort(): Promise<void>;
    /** `lane 0`, `standby 0`. Batches wait while no lane runs. */
    stopChild(id: string): Promise<void>;
    restartChild(id: string): Promise<void>;
    /** The whole stage: its batches wait until it is started again. */
    stopAll(): Promise<void>;
    restartAll(): Promise<void>;
  };
  readonly turns: Turns;
  /** Other code or other parameters, under full load: see StageSwaps. */
  swap(plan: StagePlan): Promise<SwapReport>;
  /** The stage as a supervisor of its processes. */
  describe(): TreeNode;
  progress(): StageProgress;
}

export interface StageProgress {
  readonly name: string;
  readonly rows: number;
  readonly inFlight: number;
  readonly retries: number;
  readonly restarts: number;
  readonly pids: readonly number[];
  /** Tries at batches that failed. Left out where nobody has told. */
  readonly failures?: number;
  /** How long batches have waited in it for room behind it and for a lane, all together. */
  readonly waitedMs?: number;
  /** What a batch took in it lately; left out where none came. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Processes that were over a limit, by the limit's name; left out when none was. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Of a stage that has one. */
  readonly breaker?: BreakerProgress;
}

export function buildStage(parts: StageParts): StageAtWork {
  const { plan, snapshot } = parts;
  const body: StageBody = { plan, replays: plan.stateful ? new ReplayLog(snapshot, plan.standby > 0) : undefined };
  const largestBytes = Math.max(parts.input.largestBytes, parts.output.largestBytes);
  const state = new StateMemory(parts.memory ?? new SharedMemory(), largestBytes, parts.clock);
  const sample = new BatchSample();
  const lanes = buildLanes(parts, state, sample);
  const turns = new Turns(lanes, plan.sequential, parts.firstSeq);
  const gaveUp = (reason: string, refused: boolean): void =>
    parts.failed(new Failure(refused ? "plugin.refused" : "pipeline.failed", `stage ${plan.name}: ${reason}`));
  const { host: command, load = (options) => HostProcess.load(options), ...rest } = parts;
  const common = { ...rest, command, load, state, gaveUp };
  const launcher = new HostLauncher(common);
  const hosts = new StageHosts({
    ...common,
    body,
    lanes,
    launcher,
    startFailed: () => swaps.startFailed(),
    standbyIdle: (host) => void sample.taken.then((batch) => host.warm(batch, parts.encoding)),
    ready: () => turns.serve(),
  });
  const swaps: StageSwaps = new StageSwaps({
    ...common,
    body,
    launcher,
    keepers: hosts.keepers,
    windowMs: parts.swapWindowMs ?? 0,
    sample,
    ready: () => turns.serve(),
    renewed: () => hosts.standbys.renew(),
  });
  const crashes = new CrashLoop(plan.name, parts.restart.maxRestarts, (failure) => parts.failed(failure));
  const fallback = plan.fallback ? new FallbackHosts({ ...common, fallback: plan.fallback }) : undefined;
  const stage = new Stage({
    ...parts,
    get plan() {
      return body.plan;
    },
    get replays() {
      return body.replays;
    },
    turns,
    fallback: fallback?.rescue,
    judged: (outcome, work) => {
      swaps.judged(outcome, work);
      if (!body.plan.breaker) crashes.judged(outcome); // a circuit breaker deals with it in its own way
    },
  });
  return {
    stage,
    turns,
    get plan() {
      return body.plan;
    },
    hosts: commands(body, hosts, swaps, fallback, state),
    swap: (to) => swaps.swap(to),
    describe: () => {
      const tree = hosts.tree();
      const more = fallback?.tree();
      return {
        ...tree,
        ...detailOf(stage.breaker, hosts.limits),
        children: more ? [...tree.children, more] : tree.children,
      };
    },
    progress: () => progressOf(stage, hosts, lanes),
  };
}

function progressOf(stage: Stage, hosts: StageHosts, lanes: readonly Lane[]): StageProgress {
  const { breaker, failures, inFlight, name, retries, rows, waitedMs } = stage;
  const pids = lanes.flatMap((lane) => lane.pid ?? []);
  const limits = Object.keys(hosts.limits).length > 0 && { limits: hosts.limits };
  const counts = { rows, inFlight, retries, restarts: hosts.restarts, failures, waitedMs };
  return { name, ...counts, ...stage.durations.quantiles(), pids, ...limits, ...(breaker && { breaker }) };
}

/** Starts and stops all that belongs to the stage. */
function commands(
  body: StageBody,
  hosts: StageHosts,
  swaps: StageSwaps,
  fallback: FallbackHosts | undefined,
  state: StateMemory,
): StageAtWork["hosts"] {
  return {
    start: (before) => {
      if (before) body.replays?.cover(before);
      return hosts.start();
    },
    stop: async () => {
      await swaps.stop();
      await Promise.all([hosts.stop(), fallback?.stop()]);
      state.close();
    },
    abort: async () => {
      swaps.abort();
      await Promise.all([hosts.abort(), fallback?.abort()]);
      state.close();
    },
    stopChild: (id) => hosts.stopChild(id),
    restartChild: (id) => hosts.restartChild(id),
    stopAll: () => hosts.stopAll(),
    restartAll: () => hosts.restartAll(),
  };
}

function detailOf(breaker: BreakerProgress | undefined, limits: OverLimits): Pick<TreeNode, "detail"> {
  const parts: string[] = [];
  if (breaker && breaker.opened > 0)
    parts.push(`circuit breaker ${breaker.state.replace("_", "-")}, opened ${breaker.opened}×`);
  const over = Object.entries(limits);
  if (over.length > 0) {
    const sum = over.reduce((all, [, count]) => all + count, 0);
    parts.push(`${sum} over limits: ${over.map(([name, count]) => `${name} ${count}`).join(", ")}`);
  }
  return parts.length > 0 ? { detail: parts.join("; ") } : {};
}

function buildLanes(parts: StageParts, state: StateMemory, sample: BatchSample): Lane[] {
  const { clock, output, plan, signal, stopTimeoutMs } = parts;
  const grow: LaneOptions["grow"] = async (item, bytes) => {
    output.checkSize(bytes);
    // In order, nobody older can need this lane: whoever has it may wait.
    if (!plan.sequential && !output.isShare(bytes)) return undefined;
    return output.slot(bytes, item.seq, plan.name, signal);
  };
  const options = { clock, timeoutMs: plan.timeoutMs, stopTimeoutMs, state, sample, grow };
  return Array.from({ length: plan.sequential ? 1 : plan.lanes }, (_, number) => new Lane(number, options));
}

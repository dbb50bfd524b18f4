/** Puts one stage together: its turns, lanes, hosts, replay log and fallback. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { HostCommand, HostHandlers, ProcessMessage } from "../../../process/plugin/index.ts";
import type { Edge } from "./edge.ts";
import { FallbackHosts } from "./fallback-hosts.ts";
import { Lane, type LaneOptions } from "./lane.ts";
import { ReplayLog } from "./replay-log.ts";
import { Stage } from "./stage.ts";
import { type RestartOptions, StageHosts } from "./stage-hosts.ts";
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
  backoff(attempt: number): Promise<void>;
  failed(reason: unknown): void;
  show(stream: Parameters<HostHandlers["output"]>[0], line: string): void;
  observe?: ((event: StageEvent) => void) | undefined;
}

export interface StageAtWork {
  readonly stage: Stage;
  readonly hosts: { start(): Promise<void>; stop(): Promise<void>; abort(): Promise<void> };
  readonly turns: Turns;
  progress(): StageProgress;
}

export interface StageProgress {
  readonly name: string;
  readonly rows: number;
  readonly inFlight: number;
  readonly retries: number;
  readonly restarts: number;
  readonly pids: readonly number[];
}

export function buildStage(parts: StageParts): StageAtWork {
  const { plan } = parts;
  const count = plan.sequential ? 1 : plan.lanes;
  const grow: LaneOptions["grow"] = async (item, bytes) => {
    parts.output.checkSize(bytes);
    // In order, nobody older can need this lane: whoever has it may wait.
    if (!plan.sequential && !parts.output.isShare(bytes)) return undefined;
    return parts.output.slot(bytes, item.seq, plan.name, parts.signal);
  };
  const lanes = Array.from(
    { length: count },
    (_, number) =>
      new Lane(number, { clock: parts.clock, timeoutMs: plan.timeoutMs, stopTimeoutMs: parts.stopTimeoutMs, grow }),
  );
  const turns = new Turns(lanes, plan.sequential, parts.firstSeq);
  const replays = plan.stateful ? new ReplayLog(parts.snapshot) : undefined;
  const gaveUp = (reason: string, refused: boolean): void =>
    parts.failed(new Failure(refused ? "plugin.refused" : "pipeline.failed", `stage ${plan.name}: ${reason}`));
  const common = { ...parts, host: undefined, command: parts.host, gaveUp };
  const hosts = new StageHosts({ ...common, lanes, replays, ready: () => turns.serve() });
  const fallback = plan.fallback ? new FallbackHosts({ ...common, fallback: plan.fallback }) : undefined;
  const stage = new Stage({ ...parts, turns, replays, fallback: fallback?.rescue });
  return {
    stage,
    turns,
    hosts: {
      start: () => hosts.start(),
      stop: async () => void (await Promise.all([hosts.stop(), fallback?.stop()])),
      abort: async () => void (await Promise.all([hosts.abort(), fallback?.abort()])),
    },
    progress: () => ({
      name: plan.name,
      rows: stage.rows,
      inFlight: stage.inFlight,
      retries: stage.retries,
      restarts: hosts.restarts,
      pids: lanes.flatMap((lane) => lane.pid ?? []),
    }),
  };
}

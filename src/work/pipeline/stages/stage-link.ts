/** Builds the stages of a run: what each gets from the run's settings, its place in the chain and its ports. */
import { pause } from "../../../base/clock.ts";
import type { SharedMemory } from "../../../process/memory/index.ts";
import { backoffDelayMs } from "../../../protocol/retry/index.ts";
import type { Settings } from "../file/index.ts";
import type { Sink } from "../sink/index.ts";
import type { Link } from "./chain.ts";
import type { Edge } from "./edge.ts";
import type { PipelinePorts } from "./pipeline-ports.ts";
import { buildStage, type StageAtWork } from "./stage-at-work.ts";

/** A stage at its place. */
export interface StageLink extends Link<Edge> {
  readonly at: StageAtWork;
}

export interface LinkContext {
  readonly pipeline: string;
  readonly run: string;
  readonly settings: Settings;
  readonly encoding: Sink["encoding"];
  readonly ports: PipelinePorts;
  readonly signal: AbortSignal;
  readonly memory: SharedMemory;
  failed(reason: unknown): void;
}

/** A host that dies again while it starts is given this long, doubling, before the next: a crash loop must not eat a core. */
const RESTART_DELAY_MS = 20;
const RESTART_DELAY_MS_MAX = 500;

/** `firstSeq` is the first batch that it will see; `snapshot` the state that it goes on from. */
export function buildLink(
  link: Link<Edge>,
  source: Edge,
  firstSeq: number,
  snapshot: Uint8Array | undefined,
  context: LinkContext,
): StageLink {
  const { input, last, output, plan } = link;
  const { pipeline, ports, run, settings, signal } = context;
  const { clock, host, load, observe, random, show } = ports;
  const backoff = { initialMs: settings.backoff, maxMs: settings.backoff_max };
  const restartDelay = { initialMs: RESTART_DELAY_MS, maxMs: RESTART_DELAY_MS_MAX };
  const at = buildStage({
    plan,
    pipeline,
    run,
    input,
    output,
    firstSeq,
    snapshot,
    encoding: last ? context.encoding : "batch",
    strict: input === source && settings.on_malformed === "fail",
    clock,
    random,
    host,
    ...(load && { load }),
    signal,
    restart: {
      maxRestarts: settings.max_restarts,
      restartPeriodMs: settings.restart_period,
      restartDelayMs: (failures) => (failures === 1 ? 0 : backoffDelayMs(restartDelay, failures - 1, random)),
    },
    backoff: (attempt) =>
      plan.policy === "RETRY_WITH_BACKOFF"
        ? pause(clock, backoffDelayMs(backoff, attempt, random), signal)
        : Promise.resolve(),
    swapWindowMs: settings.swap_window,
    memory: context.memory,
    workDirectory: ports.workDirectory,
    startTimeoutMs: settings.start_timeout,
    stopTimeoutMs: settings.stop_timeout,
    failed: (reason) => context.failed(reason),
    show: (stream, line) => show(plan.name, stream, line),
    observe: observe && ((event) => observe(plan.name, event)),
  });
  return {
    at,
    input,
    output,
    last,
    get plan() {
      return at.plan;
    },
  };
}

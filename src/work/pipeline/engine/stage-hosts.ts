/**
 * The processes of one stage: a supervised lane each, started with the stage's last snapshot and the batches since. A
 * host that was replaced on purpose comes back at once and does not count against the restart intensity.
 */
import type { Clock } from "../../../base/clock.ts";
import { toFailure } from "../../../base/errors.ts";
import { type HostCommand, type HostExit, type HostHandlers, HostProcess } from "../../../process/plugin/index.ts";
import { type RunningChild, Supervision } from "../../../process/supervise/index.ts";
import type { Edge } from "./edge.ts";
import type { Lane } from "./lane.ts";
import type { ReplayLog } from "./replay-log.ts";
import type { StageEvent, StagePlan } from "./types.ts";

export interface RestartOptions {
  readonly maxRestarts: number;
  readonly restartPeriodMs: number;
  readonly restartDelayMs: (failures: number) => number;
}

export interface StageHostsOptions {
  readonly plan: StagePlan;
  readonly lanes: readonly Lane[];
  readonly pipeline: string;
  readonly run: string;
  readonly input: Edge;
  readonly output: Edge;
  readonly replays: ReplayLog | undefined;
  readonly command: HostCommand;
  readonly restart: RestartOptions;
  /** For loading and for `init`, each. */
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly clock: Clock;
  /** A lane can take a batch. */
  ready(): void;
  /** The stage cannot go on. */
  gaveUp(reason: string, refused: boolean): void;
  show(stream: Parameters<HostHandlers["output"]>[0], line: string): void;
  observe?: ((event: StageEvent) => void) | undefined;
}

/** The lane kills a host that does not clean up in time; the supervisor steps in only when that failed too. */
const SHUTDOWN_GRACE_MS = 500;

/**
 * A host that came through its start is well, and replaced without delay: what ends it later is a batch, whose tries are
 * counted, or a kill, and either way a batch waits.
 */
const STABLE_AFTER_MS = 0;

/** What the plugin itself said at its very first start: it would say so again. A crash or a time-out may pass. */
const REFUSALS: ReadonlySet<string> = new Set(["plugin.definition", "plugin.load", "plugin.threw"]);

export class StageHosts {
  readonly #options: StageHostsOptions;
  readonly #supervision: Supervision;
  #launches = 0;

  constructor(options: StageHostsOptions) {
    this.#options = options;
    const specs = options.lanes.map((lane) => ({
      id: `lane ${lane.number}`,
      restart: "permanent" as const,
      shutdown: { timeoutMs: options.stopTimeoutMs + SHUTDOWN_GRACE_MS },
    }));
    this.#supervision = new Supervision(
      specs,
      { ...options.restart, stableAfterMs: STABLE_AFTER_MS, startup: "together" },
      {
        clock: options.clock,
        spawn: (id) => this.#spawn(options.lanes.find((lane) => id === `lane ${lane.number}`)!),
        escalated: (_id, reason) => options.gaveUp(reason, !options.lanes.some((lane) => lane.hasServed)),
      },
    );
  }

  /** Processes started again, for whatever reason. */
  get restarts(): number {
    return Math.max(0, this.#launches - this.#options.lanes.length);
  }

  start(): Promise<void> {
    return this.#supervision.start();
  }

  stop(): Promise<void> {
    return this.#supervision.stop();
  }

  abort(): Promise<void> {
    return this.#supervision.abort();
  }

  #spawn(lane: Lane): RunningChild {
    const started = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<Awaited<RunningChild["exited"]>>();
    let stopping = false;
    const live = async (): Promise<void> => {
      for (;;) {
        const end = await this.#life(lane, started.resolve);
        if (!end.wished || stopping)
          return exited.resolve({ kind: end.refused ? "refused" : "crash", detail: end.reason });
      }
    };
    void live();
    const terminate: RunningChild["terminate"] = (how) => {
      stopping = true;
      if (how === "kill") lane.kill("was stopped");
      else lane.stop();
    };
    return { started: started.promise, exited: exited.promise, terminate };
  }

  /** One host process from its start to its end. */
  async #life(lane: Lane, ready: () => void): Promise<{ wished: boolean; refused: boolean; reason: string }> {
    const ended = Promise.withResolvers<{ exit: HostExit; wished: boolean }>();
    const handlers: HostHandlers = {
      spawned: (host) => {
        this.#launches++;
        lane.adopt(host);
      },
      message: (message) => lane.message(message),
      exit: (exit) => {
        this.#options.observe?.({ event: "host_exited", lane: lane.number, pid: lane.pid, reason: exit.reason });
        ended.resolve({ exit, wished: lane.exited(exit) });
      },
      output: (stream, line) => this.#options.show(stream, line),
    };
    try {
      const host = await this.#launch(lane, handlers);
      await lane.attach(host, this.#options.replays);
      this.#options.observe?.({ event: "host_ready", lane: lane.number, pid: host.pid });
      ready();
      this.#options.ready();
    } catch (thrown) {
      const { code, message } = toFailure(thrown, "plugin.start");
      await ended.promise;
      return { wished: false, refused: !lane.hasServed && REFUSALS.has(code), reason: message };
    }
    const { exit, wished } = await ended.promise;
    return { wished, refused: false, reason: exit.reason };
  }

  async #launch(lane: Lane, handlers: HostHandlers): Promise<HostProcess> {
    const { clock, command, input, output, pipeline, plan, replays, run, startTimeoutMs } = this.#options;
    const segments = {
      inputFd: input.segment.fd,
      inputBytes: input.segment.sizeBytes,
      outputFd: output.segment.fd,
      outputBytes: output.segment.sizeBytes,
    };
    const request = { library: plan.library, pipeline, run, stage: plan.name, lane: lane.number };
    const { host } = await HostProcess.load(command, segments, request, handlers, clock, startTimeoutMs);
    const snapshot = replays?.snapshot;
    const sizes = { inputBytes: segments.inputBytes, outputBytes: segments.outputBytes };
    const state = snapshot ? { snapshot: Buffer.from(snapshot).toString("base64") } : {};
    await host.start({ params: plan.params, ...sizes, ...state }, startTimeoutMs);
    return host;
  }
}

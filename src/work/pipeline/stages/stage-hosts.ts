/**
 * The processes of one stage: a supervised lane each, and standbys beside them. A host that was replaced on purpose is
 * followed by another at once and does not count against the restart intensity.
 */
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { Supervision, type TreeNode } from "../../../process/supervise/index.ts";
import type { HostLauncher, OverLimits } from "./host-launcher.ts";
import type { Lane } from "./lane.ts";
import { LaneKeeper } from "./lane-keeper.ts";
import type { ReplayLog } from "./replay-log.ts";
import type { StageHost } from "./stage-host.ts";
import { besideNode, laneNode, standbyNode } from "./stage-nodes.ts";
import { StandbyHosts } from "./standby-hosts.ts";
import type { StageEvent, StagePlan } from "./types.ts";

export interface RestartOptions {
  readonly maxRestarts: number;
  readonly restartPeriodMs: number;
  readonly restartDelayMs: (failures: number) => number;
}

/** What a swap exchanges under a stage at work. */
export interface StageBody {
  plan: StagePlan;
  /** Of a plan with state. */
  replays: ReplayLog | undefined;
}

export interface StageHostsOptions {
  readonly body: StageBody;
  readonly lanes: readonly Lane[];
  readonly launcher: HostLauncher;
  readonly restart: RestartOptions;
  readonly stopTimeoutMs: number;
  readonly clock: Clock;
  /** A lane can take a batch. */
  ready(): void;
  /** The stage cannot go on. */
  gaveUp(reason: string, refused: boolean): void;
  /** A host came to its end before it served. */
  startFailed?(reason: string): void;
  /** A standby has nothing to do. */
  standbyIdle?(host: StageHost): void;
  observe?: ((event: StageEvent) => void) | undefined;
}

/** The lane kills a host that does not clean up in time; the supervisor steps in only when that failed too. */
const SHUTDOWN_GRACE_MS = 500;

/**
 * A host that came through its start is well, and replaced without delay: what ends it later is a batch, whose tries are
 * counted, or a kill, and either way a batch waits.
 */
const STABLE_AFTER_MS = 0;

export class StageHosts {
  readonly keepers: readonly LaneKeeper[];
  readonly standbys: StandbyHosts;
  readonly #options: StageHostsOptions;
  readonly #supervision: Supervision;
  readonly #retiring = new Set<Promise<unknown>>();
  /** Children that somebody wants started again, and is not done with. */
  readonly #again = new Map<string, AbortController>();
  #allAgain = new AbortController();
  /** When starts failed that were asked for by hand: the supervisor does not count them. */
  #failedStartsMs: number[] = [];

  constructor(options: StageHostsOptions) {
    this.#options = options;
    const { body, clock, lanes, launcher, observe, ready, standbyIdle, stopTimeoutMs } = options;
    const plan = (): StagePlan => body.plan;
    const idle = (host: StageHost): void => standbyIdle?.(host);
    const launch = (of: StagePlan, number?: number): StageHost => launcher.launch(of, number);
    this.standbys = new StandbyHosts({ launch, plan, idle, clock, stopTimeoutMs, observe });
    this.keepers = lanes.map(
      (lane) =>
        new LaneKeeper(lane, body.plan, {
          clock,
          launch,
          standby: (of) => this.standbys.take(of),
          past: () => body.replays,
          retire: (host) => this.#retire(host),
          startFailed: (reason) => options.startFailed?.(reason),
          ready,
          observe,
        }),
    );
    this.#supervision = this.#supervise();
  }

  /** Processes started again, for whatever reason. */
  get restarts(): number {
    const again = this.keepers.reduce((sum, { handOvers, lives }) => sum + lives - handOvers - 1, 0);
    return Math.max(0, again) + this.standbys.restarts;
  }

  /** Processes that were over a limit, by the limit's name. */
  get limits(): OverLimits {
    return this.#options.launcher.overLimits;
  }

  /** Resolves when every lane serves; the standbys follow. */
  async start(): Promise<void> {
    await this.#supervision.start();
    this.standbys.open();
  }

  /** In order: what is inside is finished, plugins clean up. */
  async stop(): Promise<void> {
    this.#giveUpRestarts();
    await this.#supervision.stop();
    await Promise.all(this.#retiring);
    await this.#options.launcher.close("was left over when its stage had stopped");
  }

  async abort(): Promise<void> {
    this.#giveUpRestarts();
    const reason = "was killed: the pipeline stops";
    await Promise.all([this.#supervision.abort(), this.#options.launcher.close(reason)]);
  }

  /** `lane 0`, `standby 0`: stops it in order and leaves it so. What would have gone through a lane waits. */
  async stopChild(id: string): Promise<void> {
    const again = this.#again.get(id);
    again?.abort();
    try {
      await this.#supervision.terminateChild(id);
    } catch (thrown) {
      if (!again) throw thrown;
      ignoreStopped(thrown); // it was between two tries
    }
  }

  /**
   * Stops it in order when it runs, and starts it again. Starts that fail are tried again, within the intensity that holds for
   * all such starts of the stage. Fails with `supervision.stopped` when somebody stops it meanwhile, or starts it again too.
   */
  async restartChild(id: string): Promise<void> {
    this.#again.get(id)?.abort();
    const again = new AbortController();
    this.#again.set(id, again);
    try {
      await this.#supervision.terminateChild(id).catch(ignoreStopped);
      await this.#startAgain(id, again.signal);
    } finally {
      if (this.#again.get(id) === again) this.#again.delete(id);
    }
  }

  async stopAll(): Promise<void> {
    this.#allAgain.abort();
    await Promise.all(this.#ids().map((id) => this.stopChild(id).catch(ignoreStopped)));
  }

  /** One after the other: a stage with several lanes goes on working. */
  async restartAll(): Promise<void> {
    this.#allAgain.abort();
    this.#allAgain = new AbortController();
    const { signal } = this.#allAgain;
    for (const id of this.#ids()) {
      if (signal.aborted) throw stoppedMeanwhile(id);
      await this.restartChild(id);
    }
  }

  /** The stage and all its processes, for people. */
  tree(): TreeNode {
    const { clock, lanes, launcher } = this.#options;
    const nowMs = clock.monotonic();
    const tree = this.#supervision.tree();
    const children = tree.children.map((node, index) => {
      const keeper = this.keepers[index];
      if (keeper) return laneNode(node, keeper, nowMs);
      return standbyNode(node, this.standbys.place(index - lanes.length), nowMs);
    });
    const shown = new Set(children.map(({ pid }) => pid));
    const others = [...launcher.living].filter(({ pid }) => pid !== undefined && !shown.has(pid));
    return { ...tree, children: [...children, ...others.map(besideNode)] };
  }

  async #startAgain(id: string, signal: AbortSignal): Promise<void> {
    const { clock, restart } = this.#options;
    for (let failures = 1; ; failures++) {
      if (signal.aborted) throw stoppedMeanwhile(id);
      try {
        return await this.#supervision.restartChild(id);
      } catch (thrown) {
        const isFailedStart = thrown instanceof Failure && thrown.code === "supervision.start_failed";
        if (signal.aborted) throw stoppedMeanwhile(id);
        if (!isFailedStart || this.#tooManyFailed()) throw thrown;
        await pause(clock, restart.restartDelayMs(failures), signal);
      }
    }
  }

  #tooManyFailed(): boolean {
    const { clock, restart } = this.#options;
    const nowMs = clock.monotonic();
    this.#failedStartsMs = this.#failedStartsMs.filter((atMs) => nowMs - atMs < restart.restartPeriodMs);
    return this.#failedStartsMs.push(nowMs) > restart.maxRestarts;
  }

  #giveUpRestarts(): void {
    this.#allAgain.abort();
    for (const again of this.#again.values()) again.abort();
  }

  #retire(host: StageHost): void {
    const gone = host.stop(this.#options.stopTimeoutMs).finally(() => this.#retiring.delete(gone));
    this.#retiring.add(gone);
  }

  #ids(): string[] {
    return this.#supervision.states().map(({ id }) => id);
  }

  #supervise(): Supervision {
    const { body, clock, lanes, gaveUp, restart, stopTimeoutMs } = this.#options;
    const shutdown = { timeoutMs: stopTimeoutMs + SHUTDOWN_GRACE_MS };
    const standbys = Array.from({ length: body.plan.standby }, (_, number) => `standby ${number}`);
    const ids = [...this.keepers.map(({ lane }) => `lane ${lane.number}`), ...standbys];
    return new Supervision(
      ids.map((id) => ({ id, restart: "permanent", shutdown })),
      { ...restart, name: body.plan.name, stableAfterMs: STABLE_AFTER_MS, startup: "together" },
      {
        clock,
        spawn: (id) => this.keepers[ids.indexOf(id)]?.run() ?? this.standbys.run(ids.indexOf(id) - lanes.length),
        escalated: (_id, reason) => gaveUp(reason, !lanes.some((lane) => lane.hasServed)),
      },
    );
  }
}

function stoppedMeanwhile(id: string): Failure {
  return new Failure("supervision.stopped", `cannot start ${id} again: somebody has stopped or restarted it meanwhile`);
}

/** It does not run: as wished. */
function ignoreStopped(thrown: unknown): void {
  if (!(thrown instanceof Failure) || !thrown.code.startsWith("supervision.")) throw thrown;
}

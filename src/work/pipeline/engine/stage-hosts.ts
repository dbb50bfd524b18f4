/**
 * The processes of one stage: a supervised lane each, and standbys beside them. A host that was replaced on purpose is
 * followed by another at once and does not count against the restart intensity.
 */
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { Supervision, type TreeNode } from "../../../process/supervise/index.ts";
import type { HostLauncher } from "./host-launcher.ts";
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

  /** Resolves when every lane serves; the standbys follow. */
  async start(): Promise<void> {
    await this.#supervision.start();
    this.standbys.open();
  }

  /** In order: what is inside is finished, plugins clean up. */
  async stop(): Promise<void> {
    await this.#supervision.stop();
    await Promise.all(this.#retiring);
    await this.#options.launcher.close("was left over when its stage had stopped");
  }

  async abort(): Promise<void> {
    const reason = "was killed: the pipeline stops";
    await Promise.all([this.#supervision.abort(), this.#options.launcher.close(reason)]);
  }

  /** `lane 0`, `standby 0`: stops it in order and leaves it so. What would have gone through a lane waits. */
  stopChild(id: string): Promise<void> {
    return this.#supervision.terminateChild(id);
  }

  /** Stops it in order when it runs, and starts it again; a start that fails is tried as often as any other restart. */
  async restartChild(id: string): Promise<void> {
    const { clock, restart } = this.#options;
    await this.#supervision.terminateChild(id).catch(ignoreStopped);
    for (let failures = 1; ; failures++) {
      try {
        return await this.#supervision.restartChild(id);
      } catch (thrown) {
        const isFailedStart = thrown instanceof Failure && thrown.code === "supervision.start_failed";
        if (!isFailedStart || failures > restart.maxRestarts) throw thrown;
        await pause(clock, restart.restartDelayMs(failures));
      }
    }
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#ids().map((id) => this.stopChild(id).catch(ignoreStopped)));
  }

  /** One after the other: a stage with several lanes goes on working. */
  async restartAll(): Promise<void> {
    for (const id of this.#ids()) await this.restartChild(id);
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

/** It does not run: as wished. */
function ignoreStopped(thrown: unknown): void {
  if (!(thrown instanceof Failure) || !thrown.code.startsWith("supervision.")) throw thrown;
}

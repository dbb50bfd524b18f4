/**
 * Starts the processes of one stage and knows those that live: none is forgotten when the stage ends, whoever used it. Each
 * has a number that no other living one has, the lowest that is free, so that a plugin may name a file after it.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { type Random, seededRandom } from "../../../base/random.ts";
import type { HostCommand, HostExit, HostHandlers } from "../../../process/plugin/index.ts";
import type { Edge } from "./edge.ts";
import { type LoadHost, StageHost } from "./stage-host.ts";
import type { StateMemory } from "./state-memory.ts";
import type { StagePlan } from "./types.ts";

export interface LauncherOptions {
  readonly load: LoadHost;
  readonly pipeline: string;
  readonly run: string;
  readonly input: Pick<Edge, "segment">;
  readonly output: Pick<Edge, "segment">;
  readonly state: Pick<StateMemory, "segment">;
  readonly command: HostCommand;
  readonly workDirectory?: string | undefined;
  /** For loading and for `init`, each. */
  readonly startTimeoutMs: number;
  readonly clock: Clock;
  /** Spreads the first health checks. */
  readonly random?: Random;
  show(stream: Parameters<HostHandlers["output"]>[0], line: string): void;
}

/** How many hosts came to their end over which limit; those that never did are left out. */
export type OverLimits = Readonly<Partial<Record<NonNullable<HostExit["limit"]>, number>>>;

export class HostLauncher {
  #overLimits: OverLimits = {};
  readonly #options: LauncherOptions;
  readonly #living = new Set<StageHost>();
  readonly #random: Random;
  #closed = false;

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#random = options.random ?? seededRandom(0);
  }

  /** Fails when the stage has ended. With the wished number when nobody has it. The process is being started; `loaded` and `initialise` say how it goes. */
  launch(plan: StagePlan, wishedNumber?: number): StageHost {
    if (this.#closed) throw new Failure("pipeline.stopped", `stage ${plan.name}: no host is started any more`);
    const number = this.#number(wishedNumber);
    const { clock, command, input, load, output, pipeline, run, show, startTimeoutMs, state, workDirectory } =
      this.#options;
    const stateSegment = plan.stateful ? state.segment : undefined;
    const sizes = {
      inputBytes: input.segment.sizeBytes,
      outputBytes: output.segment.sizeBytes,
      ...(stateSegment && { stateBytes: stateSegment.sizeBytes }),
    };
    const segments = { inputFd: input.segment.fd, outputFd: output.segment.fd, stateFd: stateSegment?.fd, ...sizes };
    const { library, limits, passEnv } = plan;
    const request = { library, pipeline, run, stage: plan.name, lane: number };
    const rest = { command, segments, request, clock, limits, passEnv, workDirectory, timeoutMs: startTimeoutMs };
    const ended = (ending: StageHost, exit: HostExit): void => this.#ended(ending, exit);
    const health = { clock, random: this.#random };
    const host = new StageHost(plan, number, {
      load,
      request: rest,
      sizes,
      startTimeoutMs,
      health,
      output: show,
      ended,
    });
    if (host.alive) this.#living.add(host);
    return host;
  }

  get overLimits(): OverLimits {
    return this.#overLimits;
  }

  /** Used or not. */
  get living(): ReadonlySet<StageHost> {
    return this.#living;
  }

  /** The end: kills what lives, resolves when it is gone, and starts nothing any more. */
  async close(reason: string): Promise<void> {
    this.#closed = true;
    const living = [...this.#living];
    for (const host of living) host.kill(reason);
    await Promise.all(living.map(({ ended }): Promise<HostExit> => ended));
  }

  #ended(host: StageHost, { limit }: HostExit): void {
    this.#living.delete(host);
    if (limit) this.#overLimits = { ...this.#overLimits, [limit]: (this.#overLimits[limit] ?? 0) + 1 };
  }

  #number(wished: number | undefined): number {
    const taken = new Set(Array.from(this.#living, ({ number }) => number));
    if (wished !== undefined && !taken.has(wished)) return wished;
    let lowest = 0;
    while (taken.has(lowest)) lowest++;
    return lowest;
  }
}

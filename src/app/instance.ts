/**
 * A running instance of this program as one supervision tree: the pipeline and the control socket. The pipeline ends by itself
 * and takes the rest along; a control socket that cannot be held open is left closed, because the records matter more.
 */
import type { Clock } from "../base/clock.ts";
import { Failure, messageOf } from "../base/errors.ts";
import { processUsage } from "../process/limits/index.ts";
import { type RunningChild, Supervision, type TreeNode } from "../process/supervise/index.ts";
import type { PipelineRun } from "../work/pipeline/engine/index.ts";
import type { RunChanges } from "./change-run.ts";
import type { ReloadReport, Stopped, SwapReport } from "./control/contract.ts";
import type { InstanceControl, SwapRequest } from "./control/instance-control.ts";

export const INSTANCE_NAME = "distributed_system";
const CONTROL = "control";

/** A socket that fails again and again will not get better. */
const LIMITS = { maxRestarts: 5, restartPeriodMs: 60_000 } as const;

export interface Server {
  close(): Promise<void>;
}

export interface InstanceOptions {
  readonly name: string;
  readonly run: Pick<PipelineRun, "run" | "stop" | "abort" | "tree" | "stopChild" | "restartChild">;
  readonly changes: Pick<RunChanges, "reload" | "swap">;
  readonly clock: Clock;
  /** Opens the control socket. Never rejects: what keeps it closed has been told, and the run goes on. */
  serve(control: InstanceControl): Promise<Server>;
}

export class Instance implements InstanceControl {
  readonly #options: InstanceOptions;
  readonly #supervision: Supervision;
  /** How the pipeline ended. */
  readonly ended: Promise<Awaited<ReturnType<PipelineRun["run"]>>>;
  readonly #end = Promise.withResolvers<Awaited<ReturnType<PipelineRun["run"]>>>();

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.ended = this.#end.promise;
    this.#supervision = new Supervision(
      [
        { id: options.name, type: "supervisor", restart: "temporary", significant: true },
        { id: CONTROL, restart: "transient" },
      ],
      { ...LIMITS, name: INSTANCE_NAME, startup: "together", autoShutdown: "any_significant" },
      {
        clock: options.clock,
        spawn: (id) => (id === CONTROL ? this.#serve() : this.#run()),
        escalated: () => {},
        describe: (id) => (id === CONTROL ? undefined : options.run.tree()),
      },
    );
  }

  /** Resolves when nothing of it runs any more; `ended` says how the pipeline did. */
  async live(): Promise<void> {
    await this.#supervision.asChild().exited;
  }

  describe(): TreeNode {
    return withUsage({ ...this.#supervision.tree(), pid: process.pid });
  }

  async stop(path: string): Promise<Stopped> {
    const [stage, child] = this.#below(path);
    if (stage === undefined) this.#options.run.stop();
    else await this.#options.run.stopChild(stage, child);
    return { done: [path], ending: stage === undefined };
  }

  async restart(path: string): Promise<readonly string[]> {
    const [stage, child] = this.#below(path);
    const all = this.#options.run.tree().children.map(({ name }) => name);
    for (const each of stage === undefined ? all : [stage]) await this.#options.run.restartChild(each, child);
    return [path];
  }

  async swap({ library, params, stage }: SwapRequest): Promise<SwapReport> {
    const name = stage.includes("/") ? this.#below(stage)[0] : stage;
    if (name === undefined) throw new Failure("swap.not_found", `${stage} is no stage`);
    const startedMs = this.#options.clock.monotonic();
    const { swaps } = await this.#options.changes.swap({ stage: name, library, params: params ?? {} });
    const tookMs = this.#options.clock.monotonic() - startedMs;
    const swap = swaps.find((each) => each.stage === name);
    if (!swap) throw new Failure("swap.refused", `stage ${name} runs this library with these parameters already`);
    return { ...swap, tookMs };
  }

  async reload(): Promise<ReloadReport> {
    const startedMs = this.#options.clock.monotonic();
    const { added, changed, moved, removed, unchanged } = await this.#options.changes.reload();
    return { added, changed, moved, removed, unchanged, tookMs: this.#options.clock.monotonic() - startedMs };
  }

  /** The stage and what of it a path names; nothing for the pipeline as a whole. */
  #below(path: string): readonly [stage: string | undefined, child: string | undefined] {
    const [root, pipeline, stage, child, deeper] = path.split("/").filter((part) => part !== "");
    const isOurs = root === INSTANCE_NAME && (pipeline === undefined || pipeline === this.#options.name);
    const isHost = child === undefined || /^(lane|standby) \d+$/.test(child);
    if (isOurs && isHost && deeper === undefined) return [stage, child];
    throw new Failure(
      "instance.not_controllable",
      `${path} cannot be stopped or restarted alone; stages, their lanes and their standbys can`,
    );
  }

  #run(): RunningChild {
    const { run } = this.#options;
    const exited = run.run().then(
      (end) => {
        this.#end.resolve(end);
        return { kind: "normal", detail: end.how } as const;
      },
      (thrown: unknown) => {
        this.#end.reject(thrown);
        return { kind: "crash", detail: messageOf(thrown) } as const;
      },
    );
    const terminate: RunningChild["terminate"] = (how) => (how === "kill" ? run.abort("was killed") : run.stop());
    return { started: Promise.resolve(), exited, terminate };
  }

  #serve(): RunningChild {
    const exited = Promise.withResolvers<Awaited<RunningChild["exited"]>>();
    const server = this.#options.serve(this);
    const terminate = async (): Promise<void> => {
      await (await server).close();
      exited.resolve({ kind: "normal", detail: "was closed" });
    };
    return { started: server.then(() => {}), exited: exited.promise, terminate: () => void terminate() };
  }
}

/** What each process uses at this moment. */
export function withUsage(node: TreeNode): TreeNode {
  const usage = node.pid === undefined ? undefined : processUsage(node.pid);
  const used = usage && { memoryBytes: usage.memoryBytes, cpuMs: usage.cpuMs };
  return { ...node, ...used, children: node.children.map(withUsage) };
}

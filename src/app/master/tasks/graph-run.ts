/**
 * One run of a task graph on a master, from its beginning (or its going on) to its end: its tasks go to workers, its pipelines
 * to the master, and what became of it into the store and a report.
 */

import { resolve } from "node:path";
import { type Clock, pause } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import { isDeposed } from "../../../base/kept-state.ts";
import type { Random } from "../../../base/random.ts";
import type { Balancer } from "../../../protocol/balance/index.ts";
import {
  createBalancer,
  OutlierDetector,
  smallClusterOutliers,
  withOutlierEjection,
} from "../../../protocol/balance/index.ts";
import type { ParamSchema } from "../../../sdk/index.ts";
import type { ArtifactShelf } from "../../../work/artifact/index.ts";
import { pathResolver } from "../../../work/pipeline/file/index.ts";
import type { StoredReports } from "../../../work/report/index.ts";
import {
  type RunEnd,
  type StoredTaskRuns,
  type TaskGraph,
  type TaskProgress,
  TaskRun,
  type TaskRunPlan,
} from "../../../work/task/index.ts";
import { keepTaskReport, type TaskReportKeeper } from "../../task/task-report.ts";
import type { PackedTask } from "../../worker/task-messages.ts";
import { KEPT_REPORT_MS } from "../kept/kept-stores.ts";
import type { KeptGraph } from "../submitted/submitted-files.ts";
import type { PipelineTasks } from "./pipeline-tasks.ts";
import { ShippedPlugins } from "./shipped-plugins.ts";
import type { TaskWorkers } from "./task-workers.ts";
import { type PlaceEvent, WorkerPlace } from "./worker-place.ts";

export interface GraphRunPorts {
  readonly reports: StoredReports;
  /** The master's id: where pipelines run. */
  readonly master: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: StoredTaskRuns;
  readonly workers: TaskWorkers;
  readonly pipelines: PipelineTasks;
  readonly shelf: ArtifactShelf;
  readonly schemaOf: (library: string) => Promise<ParamSchema>;
  readonly newAttempt: () => string;
  /** For people. */
  readonly tell: (text: string) => void;
}

export interface GraphRunPlan extends TaskRunPlan {
  /** Where files that its parameters name are looked for. */
  readonly file: string;
  /** What is kept of its files; those at their paths where nothing is. */
  readonly files: (() => Promise<KeptGraph>) | undefined;
}

const AT_HOME: KeptGraph = { places: new Map(), pipelines: new Map() };

export class GraphRun {
  readonly id: string;
  readonly name: string;
  /** How it came out; never rejects. */
  readonly over: Promise<RunEnd | "left" | "broken">;
  readonly #ports: GraphRunPorts;
  readonly #plugins: ShippedPlugins;
  readonly #files: () => Promise<KeptGraph>;
  readonly #place: WorkerPlace;
  readonly #report: TaskReportKeeper;
  readonly #run: TaskRun;
  #wish: "run" | "cancel" | "leave" | "drop" = "run";

  constructor(plan: GraphRunPlan, ports: GraphRunPorts) {
    const { file, files, graph, id } = plan;
    const { clock, random, reports, shelf, schemaOf, store, tell } = ports;
    this.id = id;
    this.name = graph.name;
    this.#ports = ports;
    this.#files = once(files ?? (async () => AT_HOME));
    this.#plugins = new ShippedPlugins({ shelf, schemaOf, resolvePath: pathResolver(file, process.cwd()) });
    this.#place = this.#openPlace(graph);
    const nodeOf = (task: number): string => this.#place.nodeOf(graph.tasks[task]!.id) ?? ports.master;
    const kept = { open: () => reports, everyMs: KEPT_REPORT_MS, run: id, graph };
    this.#report = keepTaskReport({ ...kept, nodeOf, progress: () => this.progress(), warn: tell });
    const { observe } = this.#report;
    const env = (name: string): string | undefined => process.env[name];
    this.#run = new TaskRun(plan, { clock, random, place: this.#place, store, env, observe });
    this.over = this.#live();
  }

  progress(): TaskProgress {
    return this.#run.progress();
  }

  /** Gives up what runs; finished tasks stay finished. */
  async cancel(): Promise<void> {
    if (this.#wish === "run") this.#wish = "cancel";
    this.#run.abort("the run was cancelled");
    await this.over;
  }

  /** Starts nothing any more; what workers have under way may end until the signal, and the next life of the master goes on. */
  async leave(signal: AbortSignal): Promise<void> {
    if (this.#wish === "run") this.#wish = "leave";
    this.#run.drain();
    await Promise.race([this.#place.workersIdle(), aborted(signal), this.over]);
    await pause(this.#ports.clock, 0); // outcomes are on their way to the journal
    this.#run.abort("the master ends");
    await this.over;
  }

  /** Another master leads: everything ends at once, and nobody hears of it. */
  async drop(reason: string): Promise<void> {
    this.#wish = "drop";
    this.#report.drop();
    this.#run.abort(reason);
    await this.over;
  }

  async #live(): Promise<RunEnd | "left" | "broken"> {
    try {
      return await this.#settle(await this.#run.run());
    } catch (thrown) {
      if (isDeposed(thrown) || this.#wish === "drop") {
        this.#report.drop();
        return "left";
      }
      this.#ports.tell(`${this.name} (${this.id}) cannot go on: ${messageOf(thrown)}`);
      this.#report.end("failed");
      return "broken";
    } finally {
      await this.#place.idle(); // what was given up ends
      await this.#plugins.close();
    }
  }

  async #settle(how: RunEnd): Promise<RunEnd | "left"> {
    if (this.#wish === "drop") return "left";
    if (how === "stopped" && this.#wish === "leave") {
      this.#report.leave();
      return "left";
    }
    await this.#ports.store.endRun(this.id, how, this.#ports.clock.now());
    this.#report.end(how === "stopped" ? "cancelled" : how === "done" ? "ended" : "failed");
    return how;
  }

  #openPlace({ balancer }: TaskGraph): WorkerPlace {
    const { clock, newAttempt, pipelines, random, tell, workers } = this.#ports;
    return new WorkerPlace({
      clock,
      workers,
      balancer: openBalancer(balancer, random, (text) => tell(`${this.name}: ${text}`)),
      newAttempt,
      pack: async (work) => this.#plugins.pack(laid(work, (await this.#files()).places)),
      pipeline: async ({ id, run }, { file }, signal) => {
        const kept = (await this.#files()).pipelines.get(resolve(file));
        return pipelines.run(`${run}.${id}`, file, signal, kept);
      },
      observe: (event) => this.#observe(event),
    });
  }

  #observe(event: PlaceEvent): void {
    if (event.event === "lost") this.#report.note({ type: "lost", node: event.worker });
    else this.#report.note({ type: "failover" });
  }
}

/** A failure is not kept: who asks next tries again. */
function once(find: () => Promise<KeptGraph>): () => Promise<KeptGraph> {
  let found: Promise<KeptGraph> | undefined;
  return () => {
    found ??= find().catch((thrown: unknown) => {
      found = undefined;
      throw thrown;
    });
    return found;
  };
}

function laid(work: PackedTask["work"], places: KeptGraph["places"]): PackedTask["work"] {
  return work.type === "plugin" ? { ...work, library: places.get(work.library) ?? work.library } : work;
}

function openBalancer(name: TaskGraph["balancer"], random: Random, tell: (text: string) => void): Balancer {
  const detector = new OutlierDetector(smallClusterOutliers, random);
  return withOutlierEjection(createBalancer(name, { random }), detector, (effect) =>
    tell(`balancer: ${effect.id} ${effect.type}${"reason" in effect ? `: ${effect.reason}` : ""}`),
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

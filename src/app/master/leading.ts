/**
 * What a master is only while it leads: its workers, its pipelines, its task graphs. Taken up from what the masters keep, laid down
 * with or without a last word: nothing of it is left in memory then, and whoever leads next goes on with what is kept.
 */
import { randomInt } from "node:crypto";
import { type Clock, pause } from "../../base/clock.ts";
import type { KeptState } from "../../base/kept-state.ts";
import type { Logger } from "../../base/log.ts";
import { printable } from "../../base/printable.ts";
import { seededRandom } from "../../base/random.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import type { LinkPool } from "../../wire/link/index.ts";
import type { Service } from "../../wire/rpc/index.ts";
import type { ArtifactShelf } from "../../work/artifact/index.ts";
import { newReportId } from "../report/reports.ts";
import { reportsService } from "../report/reports-service.ts";
import { FencedKept } from "./kept/fenced-kept.ts";
import { type KeptStores, openKeptStores } from "./kept/kept-stores.ts";
import type { MasterPipelinePorts } from "./master-pipeline.ts";
import { MasterWorkers } from "./master-workers.ts";
import { Pipelines } from "./pipelines.ts";
import type { PipelineView } from "./pipelines-contract.ts";
import { pipelinesService } from "./pipelines-service.ts";
import { SubmittedFiles } from "./submitted/submitted-files.ts";
import { MasterTasks } from "./tasks/master-tasks.ts";
import { tasksService } from "./tasks/tasks-service.ts";

/** What is on its way to the store when everything else has ended. */
const WRITTEN_WITHIN_MS = 2_000;

export interface LeadingPorts {
  /** This master's id, and where it keeps what is its own. */
  readonly id: string;
  readonly dataDir: string;
  /** Another one in each life. */
  readonly instance: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly shelf: ArtifactShelf;
  readonly changed: (view: PipelineView, isNews: boolean) => void;
  readonly dispatched: MasterPipelinePorts["dispatched"];
  readonly tracer?: MasterPipelinePorts["tracer"];
  /** A write was refused, because another master leads. */
  readonly deposed: (reason: string) => void;
}

export interface Cluster {
  readonly membership: Membership;
  readonly links: LinkPool;
}

export class Leading {
  readonly pipelines: Pipelines;
  readonly tasks: MasterTasks;
  readonly workers: MasterWorkers;
  readonly services: readonly Service[];
  readonly #ports: LeadingPorts;
  readonly #kept: FencedKept;
  readonly #files: SubmittedFiles;
  #laidDown: Promise<void> | undefined;

  /** Fails when what is kept cannot be read. */
  static async takeUp(kept: KeptState, cluster: Cluster, ports: LeadingPorts): Promise<Leading> {
    const fenced = new FencedKept(kept, ports.deposed);
    const files = await SubmittedFiles.open(fenced, ports.dataDir, (text) => ports.logger.warn(text));
    const leading = new Leading(fenced, files, ports);
    leading.workers.follow(cluster.membership, cluster.links);
    leading.pipelines.start();
    leading.tasks.start();
    return leading;
  }

  private constructor(kept: FencedKept, files: SubmittedFiles, ports: LeadingPorts) {
    const { clock, dataDir, id, instance, logger } = ports;
    const tell = (text: string): void => logger.warn(text);
    this.#ports = ports;
    this.#kept = kept;
    this.#files = files;
    const stores = openKeptStores(kept, { dataDir, instance, tell });
    const { reports, submissions } = stores;
    const drained = { all: () => submissions.drained(), set: submissions.setDrained.bind(submissions) };
    this.workers = new MasterWorkers({ clock, logger, drained });
    this.pipelines = this.#openPipelines(stores);
    this.tasks = this.#openTasks(stores);
    this.services = [
      pipelinesService(id, this.pipelines, this.workers),
      tasksService(this.tasks, reports),
      reportsService(reports),
    ];
  }

  /** For `ps`. */
  trees() {
    return this.pipelines.list().flatMap((each) => each.tree() ?? []);
  }

  /**
   * Ends everything. Without `drainMs` at once: nothing is committed and nothing is written from this moment on. With it what is under
   * way is committed as far as that is possible within it. Resolves when nothing runs. Never rejects.
   */
  layDown(reason: string, { drainMs }: { readonly drainMs?: number } = {}): Promise<void> {
    if (drainMs === undefined) this.#kept.fence(reason);
    this.#laidDown ??= this.#end(reason, drainMs).catch((thrown: unknown) => {
      this.#ports.logger.error("laying down failed", { reason: String(thrown) });
    });
    return this.#laidDown;
  }

  async #end(reason: string, drainMs: number | undefined): Promise<void> {
    if (drainMs !== undefined) await this.#drain(drainMs);
    this.#kept.fence(reason);
    await Promise.all([this.pipelines.drop(reason), this.tasks.drop(reason)]);
    this.workers.close(); // last: what ran on them had to be told that it is over
    await this.#files.close();
  }

  async #drain(drainMs: number): Promise<void> {
    const { clock, logger } = this.#ports;
    const limit = new AbortController();
    const left = Promise.all([this.pipelines.leave(), this.tasks.leave(limit.signal)]);
    const how = await Promise.race([left, pause(clock, drainMs, limit.signal).then(() => "late" as const)]);
    limit.abort();
    if (how === "late") logger.warn("ends with batches under way: they are done again by the next start");
    await Promise.race([this.#kept.idle(), pause(clock, WRITTEN_WITHIN_MS)]);
  }

  #openPipelines(stores: KeptStores): Pipelines {
    const { changed, clock, dataDir, dispatched, instance, logger, shelf } = this.#ports;
    const { checkpoints, reports, submissions } = stores;
    return new Pipelines({
      ...{ checkpoints, dataDir, dispatched, instance, reports, shelf, submissions },
      pool: this.workers,
      newId: (name) => newReportId(reports, name),
      nowMs: () => clock.now(),
      keep: (path) => this.#files.keep(path),
      keepChanged: (submitted, change) => this.#files.keepChanged(submitted, change),
      retain: (files) => this.#files.retain([...files, ...stores.tasks.files()]),
      prepare: (entry) => this.#files.prepare(entry),
      show: (stage, stream, line) => logger.info(printable(line), { stage, stream }),
      tracer: this.#ports.tracer,
      tell: (text) => logger.warn(text),
      changed: (view, isNews) => {
        changed(view, isNews);
        this.tasks.pipelineChanged();
      },
    });
  }

  #openTasks({ reports, tasks: store }: KeptStores): MasterTasks {
    const { clock, id, instance, logger, shelf } = this.#ports;
    return new MasterTasks({
      ...{ clock, instance, reports, shelf, store },
      files: this.#files,
      master: id,
      pool: this.workers,
      pipelines: this.pipelines,
      random: seededRandom(randomInt(2 ** 32)),
      tell: (text) => logger.warn(text),
      say: (text, fields) => logger.info(text, fields),
    });
  }
}

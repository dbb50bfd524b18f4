/**
 * Plugin tasks on a worker: their files are fetched by content, and plugin hosts of the worker's own run them. Hosts that have
 * had nothing to do for a while end, all of them: the next task starts them anew.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { PeerLink } from "../../wire/link/index.ts";
import type { ArtifactStore, ShippedFile } from "../../work/artifact/index.ts";
import { type Json, PluginHosts, type PluginHostsOptions, type ReadyPlugin } from "../../work/task/index.ts";
import { TaskFiles } from "./task-files.ts";

/** Between two graphs of one schedule they should stay; their memory belongs to others after that. */
const IDLE_MS = 60_000;

export interface TaskPluginsPorts extends Pick<PluginHostsOptions, "command" | "workDirectory" | "show"> {
  readonly clock: Clock;
  readonly store: ArtifactStore;
}

export class TaskPlugins {
  readonly #ports: TaskPluginsPorts;
  readonly #files: TaskFiles;
  readonly #ending = new Set<Promise<void>>();
  #hosts: PluginHosts | undefined;
  #atWork = 0;
  #idle: Timer | undefined;

  constructor(ports: TaskPluginsPorts) {
    this.#ports = ports;
    this.#files = new TaskFiles(ports.store);
  }

  /** Fails as fetching does, and as `PluginHosts.run`. */
  async run(work: ReadyPlugin, files: readonly ShippedFile[], master: PeerLink, signal: AbortSignal): Promise<Json> {
    this.#idle?.cancel();
    this.#atWork++;
    try {
      using here = await this.#files.use(work, files, master);
      signal.throwIfAborted();
      this.#hosts ??= new PluginHosts(this.#ports);
      return await this.#hosts.run(here.work, signal);
    } finally {
      this.#atWork--;
      if (this.#atWork === 0) this.#idle = this.#ports.clock.after(IDLE_MS, () => this.#end());
    }
  }

  async close(): Promise<void> {
    this.#idle?.cancel();
    this.#end();
    await Promise.all(this.#ending);
  }

  #end(): void {
    const ending = this.#endAll(this.#hosts);
    this.#hosts = undefined;
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }

  async #endAll(hosts: PluginHosts | undefined): Promise<void> {
    await hosts?.close();
    await this.#files.release();
  }
}

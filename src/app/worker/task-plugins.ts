/**
 * Plugin tasks on a worker: their files are fetched by content, and plugin hosts of the worker's own run them. Hosts that have
 * had nothing to do for a while end, all of them: the next task starts them anew.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import type { PeerLink } from "../../wire/link/index.ts";
import {
  type ArtifactStore,
  fetchOverLink,
  type SettledPlan,
  type ShippedFile,
  settlePlan,
} from "../../work/artifact/index.ts";
import { type Json, PluginHosts, type PluginHostsOptions, type ReadyPlugin } from "../../work/task/index.ts";

/** Between two graphs of one schedule they should stay; their memory belongs to others after that. */
const IDLE_MS = 60_000;

export interface TaskPluginsPorts extends Pick<PluginHostsOptions, "command" | "workDirectory" | "show"> {
  readonly clock: Clock;
  readonly store: ArtifactStore;
}

export class TaskPlugins {
  readonly #ports: TaskPluginsPorts;
  #hosts: PluginHosts | undefined;
  #atWork = 0;
  #idle: Timer | undefined;
  readonly #ending = new Set<Promise<void>>();

  constructor(ports: TaskPluginsPorts) {
    this.#ports = ports;
  }

  /** Fails as fetching does, and as `PluginHosts.run`. */
  async run(work: ReadyPlugin, files: readonly ShippedFile[], master: PeerLink, signal: AbortSignal): Promise<Json> {
    this.#idle?.cancel();
    this.#atWork++;
    try {
      using settled = await this.#settle(work, files, master, signal);
      this.#hosts ??= new PluginHosts(this.#ports);
      return await this.#hosts.run(settled.plan, signal);
    } finally {
      this.#atWork--;
      if (this.#atWork === 0) this.#idle = this.#ports.clock.after(IDLE_MS, () => this.#endHosts());
    }
  }

  async close(): Promise<void> {
    this.#idle?.cancel();
    this.#endHosts();
    await Promise.all(this.#ending);
  }

  /** Nothing of the task has begun when this fails. */
  async #settle(
    work: ReadyPlugin,
    files: readonly ShippedFile[],
    master: PeerLink,
    signal: AbortSignal,
  ): Promise<SettledPlan<ReadyPlugin>> {
    try {
      return await settlePlan(work, files, this.#ports.store, fetchOverLink(master), { signal });
    } catch (thrown) {
      const { code, data, message, retryable } = toFailure(thrown, "artifact.store");
      throw new Failure(code, message, { cause: thrown, retryable, data: { ...data, untouched: true } });
    }
  }

  #endHosts(): void {
    const ending = this.#hosts?.close();
    this.#hosts = undefined;
    if (!ending) return;
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }
}

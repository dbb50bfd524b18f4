/**
 * One process of a service, from its start to its end, as a child that a supervisor can start, watch and end: loaded first, so that it
 * is known what it is, then initialised, then serving. What it may be, and when it is started again, others decide.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import type { HostExit } from "../../../process/plugin/index.ts";
import type { ServiceDescription, ServiceHandlers, ServiceProcessPort } from "../../../process/service/index.ts";
import type { RunningChild } from "../../../process/supervise/index.ts";
import type { ExitReason } from "../../../protocol/supervision/index.ts";
import { HealthWatch } from "./health-watch.ts";
import { CLEANUP_MS, INIT_TIMEOUT_MS, LOAD_TIMEOUT_MS } from "./limits.ts";
import { isForGood } from "./refusals.ts";
import type { LoadHost, ProcessStatus } from "./types.ts";

export interface ServiceHostOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly load: LoadHost;
  readonly handlers: Omit<ServiceHandlers, "exit">;
  readonly drainMs: number;
  /** Throws what is wrong with it; the process ends then, uninitialised. */
  accept(description: ServiceDescription): void;
  /** It serves, is healthy or not, or has ended: at once, before anybody awaits it. */
  changed(): void;
  unhealthy(pid: number, reason: string): void;
}

export class ServiceHost implements RunningChild {
  readonly loaded: Promise<ServiceDescription>;
  readonly started: Promise<void>;
  readonly exited: Promise<ExitReason>;
  readonly #options: ServiceHostOptions;
  readonly #serves = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<ExitReason>();
  #process: ServiceProcessPort | undefined;
  #spawned: { readonly pid: number; kill(reason: string): void } | undefined;
  #state: "loading" | "starting" | "serving" | "draining" | "ended" = "loading";
  #isHealthy = true;
  #exit: HostExit | undefined;
  #fault: Failure | undefined;
  #health: HealthWatch | undefined;
  /** Asked to end before there was a process. */
  #isUnwanted = false;
  #hasServed = false;

  /** The process starts, and loads its module. */
  constructor(options: ServiceHostOptions) {
    this.#options = options;
    this.started = this.#serves.promise;
    this.exited = this.#over.promise;
    this.loaded = this.#load();
    this.loaded.catch((thrown) => this.#fail(thrown)); // whoever awaits it hears of it as well
  }

  /** Takes calls, and may be given some. */
  get isOffered(): boolean {
    return this.#state === "serving" && this.#isHealthy;
  }

  get process(): ServiceProcessPort {
    if (!this.#process)
      throw new Failure("service.unavailable", "the process has not been started", { retryable: true });
    return this.#process;
  }

  get inFlight(): number {
    return this.#process?.inFlight ?? 0;
  }

  get pid(): number | undefined {
    return this.#spawned?.pid ?? this.#process?.pid;
  }

  /** It was initialised, whatever became of it. */
  get hasServed(): boolean {
    return this.#hasServed;
  }

  /** What it failed with, other than by its end. */
  get fault(): Failure | undefined {
    return this.#fault;
  }

  status(): ProcessStatus {
    const state = this.#state === "loading" ? "starting" : this.#state;
    const shown = state === "serving" && !this.#isHealthy ? "unhealthy" : state;
    return { pid: this.pid, state: shown, inFlight: this.inFlight };
  }

  /** Initialises it as soon as it is loaded. */
  begin(): this {
    void this.#begin();
    return this;
  }

  terminate(how: "shutdown" | "kill"): void {
    if (how === "kill" || this.#state === "loading") this.#kill("was told to end");
    else this.drain();
  }

  /** No new calls; those under way get to end, and then it cleans up. */
  drain(): void {
    if (this.#state === "ended" || this.#state === "draining") return;
    if (this.#state === "loading") return this.#kill("was told to end");
    this.#state = "draining";
    this.#health?.stop();
    this.#options.changed();
    void this.#process!.stop(this.#options.drainMs + CLEANUP_MS); // it is loaded
  }

  async #load(): Promise<ServiceDescription> {
    const { accept, file, handlers, load } = this.#options;
    const loading = load({
      file,
      timeoutMs: LOAD_TIMEOUT_MS,
      handlers: { ...handlers, exit: (exit) => this.#exited(exit) },
      spawned: (process) => {
        this.#spawned = process;
        if (this.#isUnwanted) process.kill("was told to end");
      },
    });
    const { description, process } = await loading;
    this.#process = process;
    if (this.#exit) throw new Failure("service.exited", `the process ${this.#exit.reason}`, { retryable: true });
    accept(description);
    this.#state = "starting";
    return description;
  }

  async #begin(): Promise<void> {
    try {
      await this.loaded;
      if (this.#state !== "starting") return;
      await this.#process!.start(INIT_TIMEOUT_MS); // it is loaded
      if (this.#state !== "starting") return;
      this.#state = "serving";
      this.#hasServed = true;
      this.#serves.resolve();
      this.#watch();
      this.#options.changed();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Of a service that has no `health` it is only asked whether its loop turns: one that is stuck answers nobody, and nothing else would tell. */
  #watch(): void {
    const { changed, clock, random, unhealthy } = this.#options;
    this.#health = new HealthWatch({
      clock,
      random,
      ask: (timeoutMs) => this.process.health(timeoutMs),
      changed: (isHealthy, reason) => {
        this.#isHealthy = isHealthy;
        if (!isHealthy) unhealthy(this.process.pid, reason);
        changed();
      },
      givenUp: (reason) => this.#kill(reason),
    });
    this.#health.start();
  }

  /** It ends for what went wrong. */
  #fail(thrown: unknown): void {
    this.#fault ??= toFailure(thrown, "service.failed");
    if (this.#exit || !this.#process) this.#finish(this.#exit);
    else this.#process.kill(this.#fault.message);
  }

  #kill(reason: string): void {
    this.#isUnwanted = true;
    (this.#process ?? this.#spawned)?.kill(reason);
  }

  #exited(exit: HostExit): void {
    this.#exit = exit;
    if (this.#state !== "loading" || this.#fault) this.#finish(exit); // one that has not loaded fails its load, which says more
  }

  #finish(exit: HostExit | undefined): void {
    if (this.#state === "ended") return;
    const wasAsked = this.#state === "draining";
    this.#state = "ended";
    this.#health?.stop();
    this.#options.changed();
    const fault = this.#fault;
    const kind = wasAsked ? "normal" : fault && isForGood(fault) ? "refused" : "crash";
    this.#over.resolve({
      kind,
      detail: fault?.message ?? exit?.reason ?? "ended",
      ...(fault && { code: fault.code }),
      ...(exit && { exitCode: exit.code, signal: exit.signal }),
    });
  }
}

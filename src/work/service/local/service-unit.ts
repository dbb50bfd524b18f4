/**
 * One file with a service in it: started, swapped for another one, restarted, stopped, one after the other. At any moment one deployment
 * is given the calls; a new one is loaded and initialised beside it, and takes over in one step. What fails leaves the old one serving.
 */
import { pause } from "../../../base/clock.ts";
import { type Failure, toFailure } from "../../../base/errors.ts";
import { redact } from "../../../base/redact.ts";
import type { ServiceDescription, ServiceHandlers } from "../../../process/service/index.ts";
import { backoffDelayMs } from "../../../protocol/retry/index.ts";
import type { Invocation } from "../words/index.ts";
import { Deployment } from "./deployment.ts";
import { type FoundService, fingerprintOf } from "./find-services.ts";
import { LOAD_TRIES, RESTART_DELAY_MS, RESTART_DELAY_MS_MAX } from "./limits.ts";
import { isForGood, otherName, unavailable } from "./refusals.ts";
import type { ServiceHost } from "./service-host.ts";
import type { LocalPorts, ServiceState, ServiceStatus } from "./types.ts";
import { WaitingCalls } from "./waiting-calls.ts";

export interface UnitOptions {
  readonly ports: LocalPorts;
  readonly drainMs: number;
  /** Has it run under the common supervisor. Resolves when it serves, rejects when it ended before. */
  run(deployment: Deployment): Promise<void>;
  handlers(label: () => string): Omit<ServiceHandlers, "exit">;
  /** Takes name and version for this unit. Throws when they are not to be had. */
  claim(unit: ServiceUnit, description: ServiceDescription): void;
  /** Gives up what it has claimed but this. */
  keep(unit: ServiceUnit, description: ServiceDescription | undefined): void;
  changed(): void;
}

const RETRY = { initialMs: RESTART_DELAY_MS, maxMs: RESTART_DELAY_MS_MAX };

export class ServiceUnit {
  /** Where it was found; another file may serve in its place. */
  readonly home: FoundService;
  readonly #options: UnitOptions;
  readonly #waiting: WaitingCalls<ServiceHost>;
  readonly #leaving = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #current: Deployment | undefined;
  #next: Deployment | undefined;
  #state: "starting" | "running" | "failed" | "stopping" = "starting";
  #fault: Failure | undefined;
  #fingerprint = "";
  #turn: Promise<unknown> = Promise.resolve();
  #restartsBefore = 0;
  #calls = 0;
  #isOutdated = false;
  /** What is being started is not wanted any more. */
  #isGivenUp = false;

  constructor(home: FoundService, options: UnitOptions) {
    this.home = home;
    this.#options = options;
    this.#waiting = new WaitingCalls(options.ports.clock);
  }

  /** Undefined until it has been loaded once. */
  get description(): ServiceDescription | undefined {
    return this.#current?.description;
  }

  get #isOver(): boolean {
    return this.#isGivenUp || this.#stopping.signal.aborted;
  }

  get label(): string {
    return this.#current?.label ?? this.home.file;
  }

  get healthy(): number {
    return this.#state === "stopping" ? 0 : (this.#current?.healthy ?? 0);
  }

  get fault(): Failure | undefined {
    return this.#state === "failed" ? this.#fault : undefined;
  }

  /** Of the file as it was when it was last started or swapped. */
  get fingerprint(): string {
    return this.#fingerprint;
  }

  status(): ServiceStatus {
    const description = this.description;
    const deployments = [this.#current, this.#next].filter((each) => each !== undefined);
    return {
      file: this.#current?.found.file ?? this.home.file,
      ...(description && { name: description.name, version: description.version }),
      state: this.#stateShown(),
      ...(this.fault && { fault: redact(this.fault.message) }), // anybody who may read sees it
      restarts: this.#restartsBefore + (this.#current?.restarts ?? 0),
      processes: deployments.flatMap((each) => each.processes()),
      waiting: this.#waiting.size,
      calls: this.#calls,
    };
  }

  /** Never rejects: what went wrong is its fault from then on. */
  start(): Promise<void> {
    return this.#inTurn(() => this.#start(this.home));
  }

  /** Puts what the file holds now, or another file, in its place. Fails with why not, and the old one serves on. */
  swap(found: FoundService = this.#current?.found ?? this.home): Promise<void> {
    if (this.#state === "starting") this.#giveUpStart();
    return this.#inTurn(async () => {
      if (this.#current && this.#state === "running") return this.#swap(this.#current, found);
      await this.#start(found);
      if (this.fault) throw this.fault;
    });
  }

  /** When all that was asked of it so far is done. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  /** Ends what is under way as it has to; resolves when nothing runs. */
  stop(): Promise<void> {
    this.#state = "stopping";
    this.#stopping.abort();
    this.#waiting.fail(unavailable(`${this.label} is being stopped`));
    this.#options.changed();
    void this.#next?.abort();
    void this.#current?.retire();
    return this.#inTurn(async () => {
      await Promise.all([this.#current?.retire(), ...this.#leaving]);
      this.#options.keep(this, undefined);
      const { ports } = this.#options;
      if (this.#current) ports.notice({ kind: "stopped", service: this.label, file: this.#current.found.file });
    });
  }

  call(call: Invocation, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const host = this.#current?.pick();
    if (!host) return this.#callLater(call, signal);
    this.#calls++;
    return host.process.call(call, signal);
  }

  async *stream(call: Invocation, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    const { leftMs, taker } = await this.#host(call, signal);
    this.#calls++;
    yield* taker.process.stream({ ...call, timeoutMs: leftMs }, signal);
  }

  async #callLater(call: Invocation, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { leftMs, taker } = await this.#host(call, signal);
    this.#calls++;
    return taker.process.call({ ...call, timeoutMs: leftMs }, signal);
  }

  async #host(call: Invocation, signal: AbortSignal | undefined) {
    const taker = this.#current?.pick();
    if (taker) return { taker, leftMs: call.timeoutMs };
    const title = `${this.label}.${call.method}`;
    if (this.#state === "failed" || this.#state === "stopping")
      throw unavailable(`${title}: the service is ${this.#state} on this node`);
    return this.#waiting.wait(title, call.timeoutMs, signal);
  }

  /** Nobody waits for an `init` that hangs when something else shall run. */
  #giveUpStart(): void {
    const begun = this.#next ?? this.#current;
    if (!begun) return;
    this.#isGivenUp = true;
    void begun.abort();
  }

  async #start(found: FoundService): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#isGivenUp = false;
    this.#become("starting");
    this.#fingerprint = fingerprintOf(this.home);
    try {
      await this.#takeOver(await this.#loadPatiently(found));
    } catch (thrown) {
      if (!this.#isGivenUp) this.#failed(toFailure(thrown, "service.failed"), found);
    }
  }

  /** Loaded and not yet serving, it is what callers wait for. */
  async #takeOver(deployment: Deployment): Promise<void> {
    const before = this.#current;
    if (before) {
      this.#restartsBefore += before.restarts;
      await before.retire(); // it has given up, and nothing of it may be left
    }
    this.#current = deployment;
    this.#options.keep(this, deployment.description);
    await this.#run(deployment);
    if (this.#stopping.signal.aborted) return;
    this.#become("running");
    const { file } = deployment.found;
    this.#options.ports.notice({ kind: "serves", service: this.label, file, processes: deployment.healthy });
  }

  /** A machine under load may need a second try; a wrong definition needs another file. */
  async #loadPatiently(found: FoundService): Promise<Deployment> {
    const { clock, random } = this.#options.ports;
    for (let failures = 1; ; failures++) {
      try {
        return await this.#load(found, false);
      } catch (thrown) {
        const failure = toFailure(thrown, "service.failed");
        if (isForGood(failure) || failures >= LOAD_TRIES || this.#isOver) throw failure;
        await pause(clock, backoffDelayMs(RETRY, failures, random), this.#stopping.signal);
      }
    }
  }

  async #load(found: FoundService, isTrial: boolean): Promise<Deployment> {
    const { drainMs, ports } = this.#options;
    const deployment: Deployment = new Deployment({
      found,
      ports,
      drainMs,
      isTrial,
      handlers: this.#options.handlers(() => deployment.label),
      accept: (description) => this.#accept(found, description),
      changed: () => this.#changed(deployment),
      outdated: () => this.#outdated(),
    });
    this.#next = deployment;
    try {
      await deployment.prepare();
      return deployment;
    } finally {
      this.#next = undefined;
    }
  }

  /** A process that ended came back as another version: the others follow, without a gap. */
  #outdated(): void {
    if (this.#isOutdated) return;
    this.#isOutdated = true;
    this.swap()
      .catch(() => {}) // it has been told
      .finally(() => {
        this.#isOutdated = false;
      });
  }

  #accept({ file }: FoundService, description: ServiceDescription): void {
    const was = this.#state === "running" ? this.description : undefined;
    if (was && was.name !== description.name) throw otherName(file, description.name, was.name);
    this.#options.claim(this, description);
  }

  async #swap(old: Deployment, found: FoundService): Promise<void> {
    const from = old.label;
    this.#fingerprint = fingerprintOf(this.home);
    let isOldGone = false;
    try {
      const next = await this.#load(found, true);
      if (old.description.isExclusive || next.description.isExclusive) {
        isOldGone = true;
        await old.retire();
      }
      await this.#runNext(next);
      this.#succeed(old, next);
      const { file } = next.found;
      this.#options.ports.notice({ kind: "swapped", service: next.label, from, file });
    } catch (thrown) {
      const failure = toFailure(thrown, "service.failed");
      this.#options.keep(this, old.description);
      this.#options.ports.notice({ kind: "failed", service: from, file: found.file, reason: failure.message });
      if (isOldGone) await this.#start(old.found);
      throw failure;
    }
  }

  #succeed(old: Deployment, next: Deployment): void {
    this.#restartsBefore += old.restarts;
    this.#current = next;
    this.#options.keep(this, next.description);
    this.#become("running"); // the old one may have given up meanwhile
    this.#waiting.serve(() => next.pick());
    this.#leave(old);
  }

  #leave(old: Deployment): void {
    const leaving = old.retire().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  async #runNext(next: Deployment): Promise<void> {
    this.#next = next;
    try {
      await this.#run(next);
    } finally {
      this.#next = undefined;
    }
    if (this.#stopping.signal.aborted) throw unavailable(`${this.label} is being stopped`);
  }

  async #run(deployment: Deployment): Promise<void> {
    if (this.#stopping.signal.aborted) return deployment.abort();
    try {
      await this.#options.run(deployment);
    } catch (thrown) {
      throw deployment.fault ?? thrown; // the supervisor says no more than that it ended
    }
  }

  /** The deployment has given up; heard when it is the one that serves. */
  ended(deployment: Deployment): void {
    if (deployment !== this.#current || deployment.isRetired || this.#state !== "running") return;
    this.#failed(deployment.fault ?? unavailable(`${this.label} has ended`), deployment.found);
  }

  #failed(failure: Failure, { file }: FoundService): void {
    if (this.#state === "stopping") return;
    this.#fault = failure;
    this.#become("failed");
    this.#waiting.fail(unavailable(`${this.label} has failed on this node: ${failure.message}`));
    this.#options.ports.notice({ kind: "failed", service: this.label, file, reason: failure.message });
  }

  #become(state: "starting" | "running" | "failed"): void {
    if (this.#state === "stopping") return;
    this.#state = state;
    this.#options.changed();
  }

  #changed(deployment: Deployment): void {
    if (deployment !== this.#current) return;
    this.#options.changed();
    this.#waiting.serve(() => deployment.pick());
  }

  #stateShown(): ServiceState {
    return this.#state === "running" && this.healthy === 0 ? "restarting" : this.#state;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {}); // whoever asked for it hears of it
    return turn;
  }
}

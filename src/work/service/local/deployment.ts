/**
 * The processes of one service that were started from one file, under a supervisor of their own: as many as the definition says, started
 * again when they end, until that happens too often. A swap makes another deployment beside it; each lives once.
 */
import { Failure } from "../../../base/errors.ts";
import type { ServiceDescription, ServiceHandlers } from "../../../process/service/index.ts";
import { type RunningChild, Supervision, type TreeNode } from "../../../process/supervise/index.ts";
import { backoffDelayMs } from "../../../protocol/retry/index.ts";
import type { ExitReason } from "../../../protocol/supervision/index.ts";
import type { FoundService } from "./find-services.ts";
import {
  CLEANUP_MS,
  INSTANCES_MAX,
  RESTART_DELAY_MS,
  RESTART_DELAY_MS_MAX,
  RESTART_PERIOD_MS,
  RESTARTS_MAX,
} from "./limits.ts";
import { hasChanged } from "./refusals.ts";
import { ServiceHost } from "./service-host.ts";
import type { LocalPorts, ProcessStatus } from "./types.ts";

export interface DeploymentOptions {
  readonly found: FoundService;
  readonly ports: Pick<LocalPorts, "clock" | "random" | "load" | "notice">;
  readonly handlers: Omit<ServiceHandlers, "exit">;
  readonly drainMs: number;
  /** The first failure ends it: whoever swaps wants to know, and has something that works. */
  readonly isTrial: boolean;
  /** Throws when a service that says this of itself may not be here. Asked before the first process is initialised. */
  accept(description: ServiceDescription): void;
  /** Somebody can take calls who could not, or the other way round. */
  changed(): void;
  /** The file is another version by now. */
  outdated(): void;
}

/** More than the processes get themselves. */
const SHUTDOWN_GRACE_MS = 1_000;
const RESTART_DELAY = { initialMs: RESTART_DELAY_MS, maxMs: RESTART_DELAY_MS_MAX };

export class Deployment {
  readonly #options: DeploymentOptions;
  readonly #hosts = new Map<string, ServiceHost>();
  #first: ServiceHost | undefined;
  #supervision: Supervision | undefined;
  #description: ServiceDescription | undefined;
  #offered: readonly ServiceHost[] = [];
  readonly #enders: (() => void)[] = [];
  #turn = 0;
  #isReady = false;
  /** Processes in a row that ended before they served. */
  #unserved = 0;
  #isRetired = false;
  #fault: Failure | undefined;
  #lastReason: string | undefined;

  constructor(options: DeploymentOptions) {
    this.#options = options;
  }

  get found(): FoundService {
    return this.#options.found;
  }

  /** As its last process says it; there is one after `prepare`. */
  get description(): ServiceDescription {
    if (!this.#description) throw new Error("invariant broken: the service has not been loaded");
    return this.#description;
  }

  get label(): string {
    return this.#description === undefined ? this.found.file : labelOf(this.#description);
  }

  /** It was asked to end. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Processes that calls may be given to. */
  get healthy(): number {
    return this.#offered.length;
  }

  get restarts(): number {
    return this.#supervision?.restarts ?? 0;
  }

  /** Why its last process ended. */
  get fault(): Failure | undefined {
    const reason = this.#lastReason;
    if (this.#fault || reason === undefined) return this.#fault;
    return new Failure("service.exited", `a process of ${this.label} ${reason}`, { retryable: true });
  }

  /** Starts the first process and has it say what it is. Fails with what keeps it from that; no process is left then. */
  async prepare(): Promise<ServiceDescription> {
    this.#first = this.#newHost("1");
    try {
      return await this.#first.loaded;
    } catch (thrown) {
      await this.#first.exited;
      throw thrown;
    }
  }

  /** Initialises the first process, and starts the others. Once, and after `prepare`. */
  asChild(): RunningChild {
    this.#supervision = this.#supervise();
    const { exited, started, terminate } = this.#supervision.asChild();
    const ready = started.then(() => {
      this.#isReady = true;
    });
    // For the supervisor above it has ended, whatever the reason: a service that cannot run is no reason to end others.
    const over = exited.then((reason) => {
      for (const hear of this.#enders) hear();
      return { ...reason, kind: "normal" as const };
    });
    return { started: ready, exited: over, terminate };
  }

  /** When none of its processes is left, for whatever reason. */
  onEnd(hear: () => void): void {
    this.#enders.push(hear);
  }

  /** Who has least to do; those that are equal take turns. */
  pick(): ServiceHost | undefined {
    const offered = this.#offered;
    if (offered.length <= 1) return offered[0];
    this.#turn = (this.#turn + 1) % offered.length;
    let least = offered[this.#turn]!;
    for (const host of offered) if (host.inFlight < least.inFlight) least = host;
    return least;
  }

  /** No new calls; those under way end, the processes clean up. Resolves when none is left. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    if (!this.#supervision) {
      this.#first?.terminate("kill");
      await this.#first?.exited;
      return;
    }
    for (const host of this.#hosts.values()) host.drain(); // all at the same time; the supervisor would do it one by one
    await this.#supervision.stop();
  }

  async abort(): Promise<void> {
    if (this.#supervision) await this.#supervision.abort();
    else await this.retire();
  }

  processes(): readonly ProcessStatus[] {
    return [...this.#hosts.values()].map((host) => host.status());
  }

  tree(): TreeNode | undefined {
    return this.#supervision?.tree();
  }

  #supervise(): Supervision {
    const { clock, random } = this.#options.ports;
    const { instances, isExclusive } = this.description;
    const count = isExclusive ? 1 : Math.min(Math.max(1, instances), INSTANCES_MAX);
    const shutdown = { timeoutMs: this.#options.drainMs + CLEANUP_MS + SHUTDOWN_GRACE_MS };
    return new Supervision(
      Array.from({ length: count }, (_, index) => ({ id: String(index + 1), shutdown })),
      {
        name: this.label,
        startup: "together",
        maxRestarts: RESTARTS_MAX,
        restartPeriodMs: RESTART_PERIOD_MS,
        restartDelayMs: (failures) => (failures === 1 ? 0 : backoffDelayMs(RESTART_DELAY, failures - 1, random)),
      },
      {
        clock,
        spawn: (id) => this.#spawn(id),
        escalated: () => {}, // its exit tells
        describe: (id) => describeHost(this.#hosts.get(id)),
      },
    );
  }

  #spawn(id: string): RunningChild {
    const first = this.#first;
    this.#first = undefined;
    const host = id === "1" && first ? first : this.#newHost(id);
    host.begin();
    const exited = host.exited.then((reason) => {
      return this.#isHopeless(host, reason) ? { ...reason, kind: "refused" as const } : reason;
    });
    return { started: host.started, exited, terminate: (how) => host.terminate(how) };
  }

  /** Intensity is of one minute: an `init` that takes long to fail would be tried for ever. */
  #isHopeless({ hasServed }: ServiceHost, { kind }: ExitReason): boolean {
    this.#unserved = hasServed ? 0 : this.#unserved + 1;
    const isTried = this.#options.isTrial && !this.#isReady;
    return kind === "crash" && (isTried || this.#unserved > RESTARTS_MAX);
  }

  #newHost(id: string): ServiceHost {
    const { drainMs, found, handlers, ports } = this.#options;
    const host = new ServiceHost({
      file: found.file,
      clock: ports.clock,
      random: ports.random,
      load: ports.load,
      handlers,
      drainMs,
      accept: (description) => this.#accept(description),
      changed: () => this.#changed(),
      unhealthy: (pid, reason) => ports.notice({ kind: "unhealthy", service: this.label, pid, reason }),
    });
    this.#hosts.set(id, host);
    void host.exited.then(({ detail, kind }) => {
      if (kind === "normal") return;
      this.#fault = host.fault;
      this.#lastReason = detail;
      ports.notice({ kind: "process_ended", service: this.label, pid: host.pid, reason: detail });
    });
    return host;
  }

  #accept(description: ServiceDescription): void {
    const known = this.#description;
    if (known === undefined) this.#options.accept(description);
    else if (labelOf(known) !== labelOf(description)) {
      this.#options.outdated();
      throw hasChanged(this.found.file, labelOf(description), labelOf(known));
    }
    this.#description = description;
  }

  #changed(): void {
    this.#offered = this.#isRetired ? [] : [...this.#hosts.values()].filter((each) => each.isOffered);
    this.#options.changed();
  }
}

export function labelOf({ name, version }: Pick<ServiceDescription, "name" | "version">): string {
  return `${name}@${version}`;
}

function describeHost(host: ServiceHost | undefined): Partial<TreeNode> {
  const { inFlight = 0, pid, state } = host?.status() ?? {};
  const isUnhealthy = state === "unhealthy" ? "unhealthy, " : "";
  return { ...(pid !== undefined && { pid }), detail: `${isUnhealthy}${inFlight} calls in flight` };
}

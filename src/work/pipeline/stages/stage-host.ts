/**
 * One host process of a stage from its start to its end, whoever uses it: a lane, nobody yet (a standby, a candidate), or
 * nobody any more (one that a swap keeps in reserve). What it says goes to its user; its end is told to everybody.
 */
import { Failure, type FailureJson, messageOf } from "../../../base/errors.ts";
import type {
  FromHost,
  HostExit,
  HostHandlers,
  HostOptions,
  HostProcess,
  LoadedMessage,
  ProcessMessage,
  ToHost,
} from "../../../process/plugin/index.ts";
import { HostHealth, type HostHealthPorts } from "./host-health.ts";
import type { Carriage } from "./state-memory.ts";
import type { StagePlan } from "./types.ts";

/** What is asked of a process. */
export type HostPort = Pick<HostProcess, "pid" | "send" | "kill" | "stop" | "start" | "restore" | "check">;

export type LoadHost = (options: HostOptions) => Promise<{ readonly host: HostPort; readonly loaded: LoadedMessage }>;

/** Who has a host work for him. */
export interface HostUser {
  message(message: FromHost): void;
  /** The process is gone. Once. */
  exited(exit: HostExit): void;
}

export interface StageHostOptions {
  readonly load: LoadHost;
  /** All that `load` needs but its handlers. */
  readonly request: Omit<HostOptions, "handlers">;
  readonly sizes: { readonly inputBytes: number; readonly outputBytes: number; readonly stateBytes?: number };
  readonly startTimeoutMs: number;
  /** Left out where the plan asks for no checks. */
  readonly health?: Pick<HostHealthPorts, "clock" | "random">;
  output: HostHandlers["output"];
  /** Before its user hears of it. */
  ended(host: StageHost, exit: HostExit): void;
}

export class StageHost {
  readonly plan: StagePlan;
  /** Among the stage's hosts that live, from 0. */
  readonly number: number;
  /** Resolves when the process is gone. */
  readonly ended: Promise<HostExit>;
  /** Resolves when the plugin's module is there. */
  readonly loaded: Promise<LoadedMessage>;
  readonly #options: StageHostOptions;
  #process: HostPort | undefined;
  #user: HostUser | undefined;
  #initialised: Promise<void> | undefined;
  #health: HostHealth | undefined;
  #exit: HostExit | undefined;
  #killReason: string | undefined;
  #warmed: (error?: FailureJson) => void = () => {};
  #resolveEnded: (exit: HostExit) => void = () => {};

  constructor(plan: StagePlan, number: number, options: StageHostOptions) {
    this.plan = plan;
    this.number = number;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.loaded = this.#load();
    this.loaded.catch(() => {}); // whoever waits for it hears of it
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get alive(): boolean {
    return this.#exit === undefined;
  }

  /** `init`, once, however often it is asked for. */
  initialise(): Promise<void> {
    this.#initialised ??= this.#initialise();
    this.#initialised.catch(() => {}); // likewise
    return this.#initialised;
  }

  /** Faults that the plugin finds in the plan's parameters. */
  async check(): Promise<readonly string[]> {
    const { checks } = await this.loaded;
    if (!checks) return [];
    const faults = await this.#process!.check(this.plan.params, this.#options.startTimeoutMs);
    return faults.map(({ message, param }) => `${param}: ${message}`);
  }

  /** It has work, or has none any more: its health is asked for only in between. */
  busy(isBusy: boolean): void {
    this.#health?.busy(isBusy);
  }

  /**
   * Makes it quick for its first batch, when it is there and nobody uses it yet. Gives what the plugin threw; nothing also when it
   * ends meanwhile. A plugin that hangs over the batch never answers: whoever waits has a deadline.
   */
  warm(batch: string, encoding: ProcessMessage["encoding"]): Promise<Failure | undefined> {
    if (!this.#process || !this.alive || this.#user) return Promise.resolve(undefined);
    const warmed = Promise.withResolvers<Failure | undefined>();
    this.#warmed = (error) => warmed.resolve(error && Failure.fromJSON(error));
    this.send({ t: "warm", batch, encoding });
    return warmed.promise;
  }

  async restore({ content, release }: Carriage): Promise<void> {
    try {
      await this.#process!.restore(content, this.#options.startTimeoutMs);
    } finally {
      release();
    }
  }

  /** From now on this one hears what the host says; nobody does without. */
  use(user: HostUser | undefined): void {
    this.#user = user;
  }

  send(message: ToHost): void {
    this.#process?.send(message);
  }

  kill(reason: string): void {
    this.#killReason ??= reason;
    this.#process?.kill(reason);
  }

  /** In order: the plugin cleans up, within the limit. */
  stop(timeoutMs: number): Promise<HostExit> {
    if (this.#process && this.alive) return this.#process.stop(timeoutMs);
    this.kill("was stopped before it was there");
    return this.ended;
  }

  async #load(): Promise<LoadedMessage> {
    const { load, output, request } = this.#options;
    const handlers: HostHandlers = {
      spawned: (process) => this.#spawned(process),
      message: (message) => this.#message(message),
      exit: (exit) => this.#ended(exit),
      output,
    };
    try {
      const { host, loaded } = await load({ ...request, handlers });
      this.#spawned(host);
      return loaded;
    } catch (thrown) {
      if (!this.#process) this.#ended({ code: null, signal: null, reason: messageOf(thrown) });
      throw thrown;
    }
  }

  async #initialise(): Promise<void> {
    await this.loaded;
    const { health, sizes, startTimeoutMs } = this.#options;
    await this.#process!.start({ params: this.plan.params, ...sizes }, startTimeoutMs);
    if (!health || !this.plan.health || !this.alive) return;
    this.#health = new HostHealth(this.plan.health, {
      ...health,
      ask: (request) => this.send({ t: "health", request }),
      unhealthy: (reason) => this.kill(`was killed: its health check ${reason}`),
    });
    this.#health.start();
  }

  #message(message: FromHost): void {
    if (message.t === "warmed") this.#warmed(message.error);
    else if (message.t === "healthy") this.#health?.answered(message.request, message.error?.message);
    else this.#user?.message(message);
  }

  #spawned(process: HostPort): void {
    this.#process = process;
    if (this.#killReason !== undefined) process.kill(this.#killReason);
  }

  #ended(exit: HostExit): void {
    if (this.#exit) return;
    this.#exit = exit;
    this.#health?.stop();
    this.#options.ended(this, exit);
    this.#user?.exited(exit);
    this.#warmed();
    this.#resolveEnded(exit);
  }
}

/** Why a host is not the one that was planned for, or nothing. A file may change between being looked at and being loaded. */
export function planFault(plan: StagePlan, loaded: LoadedMessage): Failure | undefined {
  const wrong = (["stateful", "sequential", "exclusive"] as const).filter((key) => loaded[key] !== plan[key]);
  if (wrong.length === 0) return undefined;
  const found = wrong.map((key) => `${key} is ${loaded[key]}`).join(", ");
  return new Failure("plugin.changed", `${plan.library} is no longer what was checked: ${found}`);
}

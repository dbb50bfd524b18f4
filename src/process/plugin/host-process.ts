/**
 * One plugin host as the daemon sees it: a child process with a control channel and the segments of its own stage, its
 * output under the plugin's name, and one truth about its end. It starts, loads, passes messages and kills; when to
 * restart and what to do with a batch that was inside is decided by the stage.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure, type FailureJson } from "../../base/errors.ts";
import { type ParamFault, PLUGIN_API_VERSION } from "../../sdk/index.ts";
import type { HostLimits } from "../limits/index.ts";
import { parseAnswer } from "./host-answers.ts";
import { HostChild, type HostCommand, type HostExit, type HostSegments } from "./host-child.ts";
import type { OutputStream } from "./host-output.ts";
import { LineChannel } from "./line-channel.ts";
import {
  type Carried,
  type FromHost,
  handshakeFault,
  type LoadedMessage,
  type LoadMessage,
  type StartMessage,
  type ToHost,
} from "./messages.ts";

export interface HostHandlers {
  /** The process is there, though nothing is loaded yet: from now on it can be killed. */
  spawned?(host: HostProcess): void;
  message(message: FromHost): void;
  exit(exit: HostExit): void;
  output(stream: OutputStream, line: string): void;
}

/** What a host is started with. */
export interface HostOptions {
  readonly command: HostCommand;
  /** Left out for a host that is only asked what its plugin is. */
  readonly segments?: HostSegments | undefined;
  readonly request: Omit<LoadMessage, "t">;
  readonly handlers: HostHandlers;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly limits?: HostLimits | undefined;
  /** Names of the variables that the plugin may see besides the few that every process needs. */
  readonly passEnv?: readonly string[] | undefined;
  /** The host's working directory is made below it, and removed with it; left out, it is the daemon's. */
  readonly workDirectory?: string | undefined;
}

/** A dying process closes its channel a moment before its end is seen; only one that lives on is killed for it. */
const CLOSE_GRACE_MS = 1_000;

export class HostProcess {
  readonly #handlers: HostHandlers;
  readonly #clock: Clock;
  readonly #child: HostChild;
  #channel: LineChannel | undefined;
  #greeted = false;
  #awaited: { resolve(message: FromHost): void; reject(error: Failure): void; timer: Timer } | undefined;
  #grace: Timer | undefined;
  #over = false;

  private constructor(options: HostOptions) {
    const { clock, handlers } = options;
    this.#handlers = handlers;
    this.#clock = clock;
    this.#child = new HostChild({
      ...options,
      output: (stream, line) => handlers.output(stream, line),
      ended: (exit) => this.#ended(exit),
    });
  }

  /** Starts the process and loads the plugin. Fails with `plugin.*`; the process is gone then. */
  static async load(options: HostOptions): Promise<{ host: HostProcess; loaded: LoadedMessage }> {
    const { request, timeoutMs } = options;
    const host = new HostProcess(options);
    options.handlers.spawned?.(host);
    const answer = host.#expect("plugin.load_timeout", `${request.library} did not load`, timeoutMs);
    answer.catch(() => {}); // it may end before anybody waits; whoever waits below hears of it
    await host.#connect();
    host.send({ t: "load", ...request });
    const loaded = await answer;
    if (loaded.t !== "loaded") throw host.#refuse(`${request.library}: the host answered ${loaded.t} to load`);
    return { host, loaded };
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exited(): Promise<HostExit> {
    return this.#child.exited;
  }

  /** Runs `init` with converted parameters; resolves when the plugin is ready for its state, or for batches. */
  async start(request: Omit<StartMessage, "t">, timeoutMs: number): Promise<void> {
    const answer = this.#expect("plugin.init_timeout", "init did not return", timeoutMs);
    this.send({ t: "start", ...request });
    const ready = await answer;
    if (ready.t !== "ready") throw this.#refuse(`the host answered ${ready.t} to start`);
  }

  /** Only after `start` and before the first batch. */
  async restore(state: Carried, timeoutMs: number): Promise<void> {
    const answer = this.#expect("plugin.restore_timeout", "restore did not return", timeoutMs);
    this.send({ t: "restore", state });
    const restored = await answer;
    if (restored.t !== "restored") throw this.#refuse(`the host answered ${restored.t} to restore`);
  }

  /** Faults that the plugin itself finds in converted parameters, before it runs. */
  async check(params: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<readonly ParamFault[]> {
    const answer = this.#expect("plugin.check_timeout", "check did not return", timeoutMs);
    this.send({ t: "check", params });
    const checked = await answer;
    if (checked.t !== "checked") throw this.#refuse(`the host answered ${checked.t} to check`);
    return checked.faults;
  }

  send(message: ToHost): void {
    this.#channel?.send(JSON.stringify(message));
  }

  kill(reason: string): void {
    this.#child.kill(reason);
  }

  /** Asks the plugin to clean up, kills it when it does not within the limit. */
  async stop(timeoutMs: number): Promise<HostExit> {
    const timer = this.#clock.after(timeoutMs, () => this.kill("did not finish its cleanup in time and was killed"));
    this.send({ t: "stop" });
    const exit = await this.#child.exited;
    timer.cancel();
    return exit;
  }

  async #connect(): Promise<void> {
    const fd = this.#child.controlFd;
    if (fd === undefined) throw this.#refuse("the control socket was not made");
    this.#channel = await LineChannel.open(fd, {
      line: (text) => this.#line(text),
      closed: () => this.#closed(),
    });
  }

  #closed(): void {
    if (this.#over) return;
    this.#grace = this.#clock.after(CLOSE_GRACE_MS, () => this.kill("closed its control channel and was killed"));
  }

  #line(text: string): void {
    if (this.#over) return;
    const fault = this.#greeted ? undefined : handshakeFault(text, PLUGIN_API_VERSION);
    if (fault) return void this.#refuse(fault);
    if (!this.#greeted) {
      this.#greeted = true;
      return;
    }
    const message = parseAnswer(text);
    if (!message)
      return void this.#refuse(`wrote garbage to the control channel: ${JSON.stringify(text.slice(0, 80))}`);
    this.#dispatch(message);
  }

  #dispatch(message: FromHost): void {
    const awaited = this.#awaited;
    if (message.t === "log") return this.#child.log(message.level, message.message);
    if (!awaited || message.t === "healthy" || message.t === "warmed" || message.t === "selected")
      return this.#handlers.message(message);
    this.#settle();
    if (message.t === "failed") awaited.reject(this.#refuseWith(message.error));
    else awaited.resolve(message);
  }

  #expect(code: string, action: string, timeoutMs: number): Promise<FromHost> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(new Failure("plugin.exited", `the host is gone: ${action}`));
      const timer = this.#clock.after(timeoutMs, () => {
        this.#settle();
        const reason = `${action} within ${timeoutMs} ms and was killed`;
        this.kill(reason);
        reject(new Failure(code, reason));
      });
      this.#awaited = { resolve, reject, timer };
    });
  }

  #settle(): void {
    this.#awaited?.timer.cancel();
    this.#awaited = undefined;
  }

  #refuse(reason: string): Failure {
    this.kill(reason);
    const failure = new Failure("plugin.protocol", reason);
    const awaited = this.#awaited;
    this.#settle();
    awaited?.reject(failure);
    return failure;
  }

  #refuseWith(error: FailureJson): Failure {
    this.kill(error.message);
    return Failure.fromJSON(error);
  }

  #ended(exit: HostExit): void {
    this.#over = true;
    this.#grace?.cancel();
    this.#channel?.close();
    const awaited = this.#awaited;
    this.#settle();
    awaited?.reject(new Failure("plugin.exited", `the host ${exit.reason} before it was ready`));
    this.#handlers.exit(exit);
  }
}

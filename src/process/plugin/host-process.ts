/**
 * One plugin host as the daemon sees it: a child process with a control channel and the segments of its own stage, its
 * output under the plugin's name, and one truth about its end. It starts, loads, passes messages and kills; when to
 * restart and what to do with a batch that was inside is decided by the stage.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure, type FailureJson, messageOf } from "../../base/errors.ts";
import { type ParamFault, PLUGIN_API_VERSION } from "../../sdk/index.ts";
import { LineChannel } from "./line-channel.ts";
import {
  type FromHost,
  handshakeFault,
  type LoadedMessage,
  type LoadMessage,
  type LogMessage,
  type StartMessage,
  type ToHost,
} from "./messages.ts";
import { forwardLines, harmless } from "./output-lines.ts";

/** How the executable starts itself again as a host: the command line up to the role's arguments. */
export interface HostCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface HostSegments {
  readonly inputFd: number;
  readonly inputBytes: number;
  readonly outputFd: number;
  readonly outputBytes: number;
}

export interface HostExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** In words: `was killed by SIGKILL`, `exited with code 3`, `did not answer within 10 s and was killed`. */
  readonly reason: string;
}

export interface HostHandlers {
  /** The process is there, though nothing is loaded yet: from now on it can be killed. */
  spawned?(host: HostProcess): void;
  message(message: FromHost): void;
  exit(exit: HostExit): void;
  output(stream: "stdout" | "stderr" | LogMessage["level"], line: string): void;
}

/** A dying process closes its channel a moment before its end is seen; only one that lives on is killed for it. */
const CLOSE_GRACE_MS = 1_000;

export class HostProcess {
  readonly #handlers: HostHandlers;
  readonly #clock: Clock;
  readonly #child: Bun.Subprocess;
  readonly #exited: Promise<HostExit>;
  #channel: LineChannel | undefined;
  #greeted = false;
  #killReason: string | undefined;
  #awaited: { resolve(message: FromHost): void; reject(error: Failure): void; timer: Timer } | undefined;
  #grace: Timer | undefined;
  #over = false;

  private constructor(command: HostCommand, segments: HostSegments | undefined, handlers: HostHandlers, clock: Clock) {
    this.#handlers = handlers;
    this.#clock = clock;
    let ended: (exit: HostExit) => void = () => {};
    this.#exited = new Promise((resolve) => {
      ended = resolve;
    });
    this.#child = Bun.spawn([...command.argv], {
      env: { ...command.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1" },
      // biome-ignore format: one descriptor a place: control, input segment, output segment
      stdio: ["ignore", "pipe", "pipe", "pipe", ...(segments ? [segments.inputFd, segments.outputFd] : [])] as unknown as ["ignore", "pipe", "pipe"], // the types stop at three
      onExit: (_child, code, signal) => ended(this.#ended(code, signal)),
    });
  }

  /** Starts the process and loads the plugin. Fails with `plugin.*`; the process is gone then. */
  static async load(
    command: HostCommand,
    segments: HostSegments | undefined,
    request: Omit<LoadMessage, "t">,
    handlers: HostHandlers,
    clock: Clock,
    timeoutMs: number,
  ): Promise<{ host: HostProcess; loaded: LoadedMessage }> {
    const host = HostProcess.#spawn(command, segments, handlers, clock);
    handlers.spawned?.(host);
    forwardLines(host.#child.stdout as ReadableStream<Uint8Array>, (line) => handlers.output("stdout", line));
    forwardLines(host.#child.stderr as ReadableStream<Uint8Array>, (line) => handlers.output("stderr", line));
    const answer = host.#expect("plugin.load_timeout", `${request.library} did not load`, timeoutMs);
    answer.catch(() => {}); // it may end before anybody waits; whoever waits below hears of it
    await host.#connect();
    host.send({ t: "load", ...request });
    const loaded = await answer;
    if (loaded.t !== "loaded") throw host.#refuse(`${request.library}: the host answered ${loaded.t} to load`);
    return { host, loaded };
  }

  /** A process that the system refuses to start has ended, as far as the handlers are concerned. */
  static #spawn(
    command: HostCommand,
    segments: HostSegments | undefined,
    handlers: HostHandlers,
    clock: Clock,
  ): HostProcess {
    try {
      return new HostProcess(command, segments, handlers, clock);
    } catch (thrown) {
      const reason = `could not be started: ${messageOf(thrown)}`;
      handlers.exit({ code: null, signal: null, reason });
      throw new Failure("plugin.spawn", `the host ${reason}`, { cause: thrown, retryable: true });
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exited(): Promise<HostExit> {
    return this.#exited;
  }

  /** Runs `init` (and `restore`) with converted parameters; resolves when the plugin is ready for batches. */
  async start(request: Omit<StartMessage, "t">, timeoutMs: number): Promise<void> {
    const answer = this.#expect("plugin.init_timeout", "init did not return", timeoutMs);
    this.send({ t: "start", ...request });
    const ready = await answer;
    if (ready.t !== "ready") throw this.#refuse(`the host answered ${ready.t} to start`);
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
    this.#killReason ??= reason;
    this.#child.kill("SIGKILL");
  }

  /** Asks the plugin to clean up, kills it when it does not within the limit. */
  async stop(timeoutMs: number): Promise<HostExit> {
    const timer = this.#clock.after(timeoutMs, () => this.kill("did not finish its cleanup in time and was killed"));
    this.send({ t: "stop" });
    const exit = await this.#exited;
    timer.cancel();
    return exit;
  }

  async #connect(): Promise<void> {
    const fd = this.#child.stdio[3];
    if (typeof fd !== "number") throw this.#refuse("the control socket was not made");
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
    const message = parseMessage(text);
    if (!message)
      return void this.#refuse(`wrote garbage to the control channel: ${JSON.stringify(text.slice(0, 80))}`);
    this.#dispatch(message);
  }

  #dispatch(message: FromHost): void {
    const awaited = this.#awaited;
    if (message.t === "log") return this.#log(message);
    if (!awaited) return this.#handlers.message(message);
    this.#settle();
    if (message.t === "failed") awaited.reject(this.#refuseWith(message.error));
    else awaited.resolve(message);
  }

  #log({ level, message }: LogMessage): void {
    for (const line of String(message).split("\n")) this.#handlers.output(level, harmless(line));
  }

  #expect(code: string, action: string, timeoutMs: number): Promise<FromHost> {
    return new Promise((resolve, reject) => {
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

  #ended(code: number | null, signal: NodeJS.Signals | number | null): HostExit {
    this.#over = true;
    this.#grace?.cancel();
    const signalName = signal === null ? null : String(this.#child.signalCode ?? signal);
    const found = signalName ? `was killed by ${signalName}` : `exited with code ${code}`;
    const exit = { code, signal: signalName, reason: this.#killReason ?? found };
    this.#channel?.close();
    const awaited = this.#awaited;
    this.#settle();
    awaited?.reject(new Failure("plugin.exited", `the host ${exit.reason} before it was ready`));
    this.#handlers.exit(exit);
    return exit;
  }
}

function parseMessage(text: string): FromHost | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const known = typeof value === "object" && value !== null && typeof (value as { t?: unknown }).t === "string";
    return known ? (value as FromHost) : undefined; // our own host wrote it; the stage checks numbers against its leases
  } catch {
    return undefined;
  }
}

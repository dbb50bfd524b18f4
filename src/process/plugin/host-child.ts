/**
 * The child process of a host: started under its limits, with a clean environment and in a session of its own; its output
 * as bounded lines; killed with all that it has started; and one truth about its end. What is said to it is not its matter.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import {
  type HostGuard,
  type HostLimits,
  hostKeeper,
  killQuietly,
  type LimitExceeded,
  type LimitName,
  outputExceeded,
  STDOUT_BYTES_PER_SECOND,
} from "../limits/index.ts";
import { HostOutput, type OutputStream } from "./host-output.ts";
import type { LogMessage } from "./messages.ts";

/** How the executable starts itself again as a host: the command line up to the role's arguments. */
export interface HostCommand {
  readonly argv: readonly string[];
  /** What a host's variables are chosen from; it does not get them all. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface HostSegments {
  readonly inputFd: number;
  readonly inputBytes: number;
  readonly outputFd: number;
  readonly outputBytes: number;
  /** For states and replayed batches; left out where there are none. */
  readonly stateFd?: number | undefined;
}

export interface HostExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** In words: `was killed by SIGKILL`, `exited with code 3`, `did not answer within 10 s and was killed`. */
  readonly reason: string;
  /** The limit that it was over, if that was the cause. */
  readonly limit?: LimitName;
}

export interface HostChildOptions {
  readonly command: HostCommand;
  readonly segments?: HostSegments | undefined;
  readonly limits?: HostLimits | undefined;
  readonly passEnv?: readonly string[] | undefined;
  readonly workDirectory?: string | undefined;
  readonly clock: Clock;
  output(stream: OutputStream, line: string): void;
  /** Once, when the process is gone; before `exited` resolves. Also for a process that could not be started. */
  ended(exit: HostExit): void;
}

export class HostChild {
  readonly exited: Promise<HostExit>;
  readonly #guard: HostGuard;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #output: HostOutput;
  #killed: { readonly reason: string; readonly limit?: LimitName } | undefined;
  #over = false;

  /** Fails with `plugin.spawn` when the system refuses; `ended` has been called then. */
  constructor(options: HostChildOptions) {
    const { clock, limits = {}, output } = options;
    const resolved = Promise.withResolvers<HostExit>();
    this.exited = resolved.promise;
    const bytesPerSecond = limits.stdoutBytesPerSecond ?? STDOUT_BYTES_PER_SECOND;
    this.#output = new HostOutput({
      bytesPerSecond,
      clock,
      show: output,
      exceeded: () => this.#overLimit(outputExceeded(bytesPerSecond)),
    });
    const spawned = start(options, (child) => {
      const exit = this.#end(child);
      options.ended(exit);
      resolved.resolve(exit);
    });
    this.#guard = spawned.guard;
    this.#child = spawned.child;
    this.#guard.watch(this.#child.pid, (how) => this.#overLimit(how));
    void this.#output.read("stdout", this.#child.stdout);
    void this.#output.read("stderr", this.#child.stderr);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Our end of the control socket. */
  get controlFd(): number | undefined {
    const fd: unknown = this.#child.stdio[3];
    return typeof fd === "number" ? fd : undefined;
  }

  /** The first reason counts. */
  kill(reason: string): void {
    this.#kill({ reason });
  }

  log(level: LogMessage["level"], message: string): void {
    this.#output.log(level, message);
  }

  #overLimit({ limit, reason }: LimitExceeded): void {
    this.#kill({ limit, reason });
  }

  #kill(why: { readonly reason: string; readonly limit?: LimitName }): void {
    if (this.#over) return;
    this.#killed ??= why;
    this.#child.kill("SIGKILL");
    killQuietly(-this.#child.pid, "SIGKILL");
  }

  #end(child: Bun.Subprocess): HostExit {
    this.#over = true;
    const { exitCode: code } = child;
    const signal = child.signalCode === null ? null : String(child.signalCode);
    const used = child.resourceUsage();
    const peakBytes = used?.maxRSS ?? 0;
    const cpuMs = Number(used?.cpuTime.total ?? 0) / 1000;
    const limited = this.#guard.ended({ signal, peakBytes, cpuMs });
    this.#output.end();
    const found = limited ?? { reason: signal ? `was killed by ${signal}` : `exited with code ${code}` };
    return { code, signal, ...(this.#killed ?? found) };
  }
}

function start(
  options: HostChildOptions,
  exited: (child: Bun.Subprocess) => void,
): { guard: HostGuard; child: Bun.Subprocess<"ignore", "pipe", "pipe"> } {
  let guard: HostGuard | undefined;
  try {
    guard = hostKeeper(options.clock).guard({
      argv: options.command.argv,
      pool: options.command.env,
      passEnv: options.passEnv ?? [],
      limits: options.limits ?? {},
      workDirectory: options.workDirectory,
      sharedBytes: (options.segments?.inputBytes ?? 0) + (options.segments?.outputBytes ?? 0),
    });
    return { guard, child: spawn(guard, options.segments, exited) };
  } catch (thrown) {
    guard?.ended();
    const reason = `could not be started: ${messageOf(thrown)}`;
    options.ended({ code: null, signal: null, reason });
    throw new Failure("plugin.spawn", `the host ${reason}`, { cause: thrown, retryable: true });
  }
}

function spawn(
  { settings }: HostGuard,
  segments: HostSegments | undefined,
  exited: (child: Bun.Subprocess) => void,
): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  const { argv, cwd, env } = settings;
  return Bun.spawn([...argv], {
    ...(cwd !== undefined && { cwd }),
    env,
    detached: true,
    // biome-ignore format: one descriptor a place: control, then the segments
    stdio: ["ignore", "pipe", "pipe", "pipe", ...descriptorsOf(segments)] as unknown as ["ignore", "pipe", "pipe"], // the types stop at three
    onExit: exited,
  });
}

/** Input, output, state: the order in which the host takes them. */
function descriptorsOf(segments: HostSegments | undefined): readonly number[] {
  if (!segments) return [];
  const { inputFd, outputFd, stateFd } = segments;
  return stateFd === undefined ? [inputFd, outputFd] : [inputFd, outputFd, stateFd];
}

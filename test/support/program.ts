/**
 * The compiled executable as tests use it: started in a directory of its own, with an environment of its own, ended with
 * the test whatever happens.
 */
import { join } from "node:path";
import { hostsOf, isGone, isHost, killHard } from "./processes.ts";
import { until } from "./until.ts";

/** Built by `npm run build`; another build can be put to the same tests. */
export const EXECUTABLE =
  process.env.DISTRIBUTED_SYSTEM_TEST_EXECUTABLE ?? join(import.meta.dir, "../../bin/distributed_system");

/** A run that takes longer has hung; its processes are killed, and the test says so. */
const RUN_TIMEOUT_MS = 45_000;

export interface ProgramOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Bytes for standard input; without it standard input is empty. */
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs?: number;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Program implements AsyncDisposable {
  readonly done: Promise<Ended>;
  readonly #child: Bun.Subprocess<"pipe" | "ignore" | Uint8Array, "pipe", "pipe">;
  readonly #hosts = new Set<number>();
  #stderr = "";

  constructor(args: readonly string[], { cwd, env, stdin }: ProgramOptions) {
    this.#child = Bun.spawn([EXECUTABLE, ...args], {
      cwd,
      env: environment(cwd, env),
      stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err] = [collect(this.#child.stdout), collect(this.#child.stderr, (text) => this.#heard(text))];
    this.done = Promise.all([this.#child.exited, out, err]).then(([, stdout, stderr]) => ({
      code: this.#child.exitCode,
      signal: this.#child.signalCode,
      stdout,
      stderr,
    }));
  }

  get pid(): number {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Hosts alive now; each one ever seen is remembered for `[Symbol.asyncDispose]`. */
  hosts(): number[] {
    const found = this.running ? hostsOf(this.pid) : [];
    for (const pid of found) this.#hosts.add(pid);
    return found;
  }

  /** Waits for a condition; fails at once, with what was said, when the program ends before. */
  until<T>(what: string, look: () => T | Promise<T>) {
    return until(what, async () => {
      const found = await look();
      if (!found && !this.running) throw new Error(`${what}: the program has ended before; it said:\n${this.#stderr}`);
      return found;
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** kill -9, and every host gone too: no orphan is left to a later run. */
  async killHard(): Promise<Ended> {
    const hosts = this.hosts();
    this.#child.kill("SIGKILL");
    const ended = await this.done;
    await until(`hosts ${hosts.join(", ")} of a killed process are gone`, () => hosts.every(isGone));
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hosts();
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    for (const pid of this.#hosts) if (isHost(pid)) killHard(pid);
  }

  #heard(text: string): void {
    this.#stderr += text;
  }
}

/** Runs to the end. A run that hangs is killed and reported with what it had said. */
export async function runProgram(args: readonly string[], options: ProgramOptions): Promise<Ended> {
  await using program = new Program(args, options);
  const timeoutMs = options.timeoutMs ?? RUN_TIMEOUT_MS;
  const timer = Promise.withResolvers<never>();
  const handle = setTimeout(() => {
    timer.reject(new Error(`${args.join(" ")} did not end within ${timeoutMs} ms; it said:\n${program.stderr}`));
  }, timeoutMs);
  try {
    return await Promise.race([program.done, timer.promise]);
  } finally {
    clearTimeout(handle);
  }
}

/** Nothing of the caller's own settings gets in; state goes below the directory, never into the user's. The log is text, as on a terminal. */
function environment(cwd: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const state = join(cwd, "state");
  const own = { DISTRIBUTED_SYSTEM_DATA_DIR: state, DISTRIBUTED_SYSTEM_LOG_FORMAT: "text" };
  return { PATH: process.env.PATH ?? "", HOME: cwd, TZ: "UTC", ...own, ...more };
}

async function collect(stream: ReadableStream<Uint8Array>, heard?: (text: string) => void): Promise<string> {
  const decoder = new TextDecoder();
  let all = "";
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true });
    all += text;
    heard?.(text);
  }
  return all;
}

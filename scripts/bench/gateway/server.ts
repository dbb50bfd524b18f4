/** A program that is measured or asked: started on its processors, ended with the measurement; what it spent is read from outside. */
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { until } from "../../../test/support/until.ts";
import { memoryOf, ProcessTree } from "../common/process-tree.ts";
import { newName, type Place, pinned, type Site } from "./site.ts";

/** After a SIGTERM; then it is killed. */
const END_WITHIN_MS = 10_000;

export interface Program {
  readonly name: string;
  readonly argv: readonly string[];
  readonly place: Place;
  readonly env?: Readonly<Record<string, string>>;
}

export class Server implements AsyncDisposable {
  readonly pid: number;
  /** All it printed goes here. */
  readonly log: string;
  readonly #child: Bun.Subprocess;

  constructor({ directory }: Site, { argv, env, name, place }: Program) {
    const folder = join(directory, newName(name));
    mkdirSync(folder, { recursive: true });
    this.log = join(folder, "log");
    const output = openSync(this.log, "a");
    this.#child = Bun.spawn([...pinned(place), ...argv], {
      stdio: ["ignore", output, output],
      env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1", ...env },
    });
    closeSync(output);
    this.pid = this.#child.pid;
  }

  get said(): string {
    return readFileSync(this.log, "utf8");
  }

  /** The first notice of that name: programs here tell what they do in lines of JSON. */
  async tells<T>(event: string): Promise<T> {
    let found: T | undefined;
    await this.#until(`it tells ${event}`, () => {
      const line = this.said.split("\n").find((each) => each.includes(`"event":"${event}"`) && each.endsWith("}"));
      if (line !== undefined) found = JSON.parse(line) as T; // as its contract says
      return found !== undefined;
    });
    return found!;
  }

  /** Until it lets clients in. */
  async listens(port: number): Promise<void> {
    await this.#until(`it listens at ${port}`, () => accepts(port));
  }

  /** Seconds of processor, its children's included. */
  cpuSeconds(): number {
    return [...this.cpuOfEach().values()].reduce((sum, seconds) => sum + seconds, 0);
  }

  /** Seconds of processor by process, its own first. */
  cpuOfEach(): ReadonlyMap<number, number> {
    const tree = new ProcessTree(this.pid);
    tree.sample();
    return new Map([...tree.processes].map(([pid, each]) => [pid, each.userSeconds + each.systemSeconds]));
  }

  residentBytes(): number {
    return memoryOf(this.pid).residentBytes;
  }

  async #until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, () => {
      if (this.#child.exitCode !== null) throw new Error(`${this.log} ended before ${what}:\n${this.said}`);
      return isSo();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = systemClock.after(END_WITHIN_MS, () => this.#child.kill("SIGKILL"));
    await this.#child.exited;
    timer.cancel();
  }
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false; // not yet
  }
}

/** Processes that flee from the plugin that started them, each in its own way. They ignore what can be ignored. */
import { isGone, killHard } from "./processes.ts";
import { until } from "./until.ts";
import type { Workspace } from "./workspace.ts";

const SLEEPER = `trap '' HUP INT TERM QUIT\necho $$ > "$1"\nexec sleep 1000\n`;

/** JavaScript that starts one, with `spawn`, `script` and `name` in scope. */
const WAYS = {
  plain: 'spawn("sh", [script, name]);',
  setsid: 'spawn("setsid", ["sh", script, name]);',
  detached: 'spawn("sh", [script, name], { detached: true, stdio: "ignore" }).unref();',
  double_fork: 'spawn("sh", ["-c", "(setsid sh $0 $1 &) ; exit 0", script, name]);',
} as const;

export type Way = keyof typeof WAYS;

export const ALL_WAYS = Object.keys(WAYS) as readonly Way[];

export class Runaways implements AsyncDisposable {
  readonly #space: Workspace;
  readonly #ways: readonly Way[];
  readonly #pids: number[] = [];

  constructor(space: Workspace, ways: readonly Way[] = ALL_WAYS) {
    this.#space = space;
    this.#ways = ways;
    space.write("sleeper.sh", SLEEPER);
  }

  /** To be run by a plugin: one process for each way. */
  get source(): string {
    const script = JSON.stringify(this.#space.at("sleeper.sh"));
    const calls = this.#ways.map(
      (way) => `{ const [script, name] = [${script}, ${JSON.stringify(this.#space.at(way))}]; ${WAYS[way]} }`,
    );
    return `const { spawn } = await import("node:child_process");\n${calls.join("\n")}`;
  }

  /** When all of them run. */
  async pids(): Promise<readonly number[]> {
    for (const way of this.#ways) {
      const told = () => this.#space.exists(way) && Number(this.#space.text(way));
      this.#pids.push(await until(`${way} has told its pid`, told));
    }
    return this.#pids;
  }

  allGone(): Promise<boolean> {
    return until("everything that a plugin has started is gone", () => this.#pids.every(isGone));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#pids) killHard(pid);
  }
}

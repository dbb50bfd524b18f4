/** A real host without segments, under limits: what its plugin's module does by itself is what a test looks at. */
import { systemClock } from "../../src/base/clock.ts";
import { type HostExit, type HostOptions, HostProcess } from "../../src/process/plugin/index.ts";
import { REAL } from "./hosts.ts";
import { plugin } from "./plugins.ts";
import { killHard } from "./processes.ts";
import type { Workspace } from "./workspace.ts";

const LOAD_TIMEOUT_MS = 20_000;

export class GuardedHost implements AsyncDisposable {
  readonly host: HostProcess;
  readonly lines: readonly string[];
  readonly exits: readonly HostExit[];

  private constructor(host: HostProcess, lines: readonly string[], exits: readonly HostExit[]) {
    this.host = host;
    this.lines = lines;
    this.exits = exits;
  }

  /** `body` runs when the plugin has been loaded; it sees `fs`, `spawn` and `print`. */
  static async start(space: Workspace, body: string, options: Partial<HostOptions> = {}): Promise<GuardedHost> {
    const top = `import * as fs from "node:fs";
      import { spawn } from "node:child_process";
      const print = (text) => fs.writeSync(1, text + "\\n");
      const keep = [];
      setTimeout(async () => { ${body} }, 20);
      setInterval(() => {}, 1000);`;
    const lines: string[] = [];
    const exits: HostExit[] = [];
    const { host } = await HostProcess.load({
      command: REAL,
      request: {
        library: space.write(`plugin-${lines.length}.ts`, plugin({ top })),
        pipeline: "test",
        run: "test",
        stage: "stage",
        lane: 0,
      },
      handlers: {
        message() {},
        exit: (exit) => void exits.push(exit),
        output: (_stream, line) => void lines.push(line),
      },
      clock: systemClock,
      timeoutMs: LOAD_TIMEOUT_MS,
      ...options,
    });
    return new GuardedHost(host, lines, exits);
  }

  get exited(): Promise<HostExit> {
    return this.host.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.exits.length === 0 && killHard(this.host.pid)) await this.exited;
  }
}

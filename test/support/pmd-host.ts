/** A port of this host with whatever port mappers and nodes a test puts on it, all of them ended with the test. */
import { join } from "node:path";
import { openPmdClient } from "../../src/app/pmd/open-pmd.ts";
import { Failure } from "../../src/base/errors.ts";
import type { PmdClient } from "../../src/cluster/pmd/index.ts";
import { freePort } from "./free-port.ts";
import { isGone, killHard, runningWith } from "./processes.ts";
import { type Ended, EXECUTABLE, Program, type ProgramOptions, runProgram } from "./program.ts";
import { until } from "./until.ts";
import { Workspace } from "./workspace.ts";

const NODE = join(import.meta.dir, "../integration/pmd-node.ts");

export type Told = Readonly<Record<string, unknown>>;

export class PmdHost implements AsyncDisposable {
  readonly space = new Workspace();
  readonly port: number;
  readonly #nodes: PmdNode[] = [];

  constructor(port = freePort()) {
    this.port = port;
  }

  /** Where the executable keeps its state in tests. */
  get dataDir(): string {
    return this.space.at("state");
  }

  get client(): PmdClient {
    return openPmdClient({ port: this.port, dataDir: this.dataDir });
  }

  /** `pmd WORDS --port …`, to its end. */
  run(...words: string[]): Promise<Ended> {
    return runProgram(["pmd", ...words, "--port", String(this.port)], { cwd: this.space.path });
  }

  /** `pmd WORDS --port …`, which goes on. */
  open(words: readonly string[], options: Partial<ProgramOptions> = {}): Program {
    return new Program(["pmd", ...words, "--port", String(this.port)], { cwd: this.space.path, ...options });
  }

  /** A port mapper that ends with the test; it answers. */
  async serve(): Promise<Program> {
    const program = this.open(["start", "--foreground", "--quiet"]);
    await program.until("the port mapper answers", () => this.pid().catch(() => undefined));
    return program;
  }

  /** Of the port mapper that answers now. */
  async pid(): Promise<number> {
    return (await this.client.identify()).pid;
  }

  async node(alias: string, ttlMs = 10_000): Promise<PmdNode> {
    const node = new PmdNode([String(this.port), this.dataDir, alias, String(ttlMs), EXECUTABLE]);
    this.#nodes.push(node);
    await node.until(`${alias} is registered and watches`, (told) => told.some((each) => "connected" in each));
    return node;
  }

  /** Nobody is left who would start another one when the port mapper goes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.kill()));
    const pid = await this.pid().catch((thrown) => {
      if (thrown instanceof Failure) return undefined;
      throw thrown;
    });
    if (pid !== undefined) {
      killHard(pid);
      await until(`port mapper ${pid} is gone`, () => isGone(pid));
    }
    await until("no port mapper of this place runs", () => this.#running().every((each) => !killHard(each)));
    this.space[Symbol.dispose]();
  }

  /** One that was only just starting answers nobody yet: it is known by its command line. */
  #running(): readonly number[] {
    return runningWith("--data-dir", this.dataDir);
  }
}

/** A process that registers and watches. */
export class PmdNode {
  readonly told: Told[] = [];
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #read: Promise<void>;

  constructor(args: readonly string[]) {
    // The runner's wish that nothing outlive it would end a port mapper together with the node that started it.
    const { BUN_FEATURE_FLAG_NO_ORPHANS: _, ...env } = process.env;
    this.#child = Bun.spawn([process.execPath, NODE, ...args], {
      env,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#read = this.#readAll();
  }

  get pid(): number {
    return this.#child.pid;
  }

  until(what: string, look: (told: readonly Told[]) => boolean): Promise<boolean> {
    return until(what, () => {
      const isThere = look(this.told);
      if (!isThere && this.#child.exitCode !== null) {
        throw new Error(`${what}: the node has ended before; it told ${JSON.stringify(this.told)}`);
      }
      return isThere;
    });
  }

  /** Leaves in order. */
  async leave(): Promise<void> {
    await this.#child.stdin.end();
    await this.#child.exited;
    await this.#read;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    await this.#read;
  }

  async #readAll(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      this.told.push(...lines.map((line) => JSON.parse(line) as Told));
    }
  }
}

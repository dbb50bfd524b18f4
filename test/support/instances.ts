/** Fake running instances in processes of their own, ended with the test. */
import { join } from "node:path";
import { until } from "./until.ts";

const SCRIPT = join(import.meta.dir, "../integration/control-instance.ts");

export class FakeInstance implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  /** What it has said so far. */
  readonly lines: string[] = [];

  private constructor(dataDir: string, name: string, env: Readonly<Record<string, string>>) {
    this.#child = Bun.spawn([process.execPath, SCRIPT, dataDir, name], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      env: { PATH: process.env.PATH ?? "", ...env },
    });
    void this.#listen();
  }

  /** Resolves when it is ready, with or without a socket. */
  static async start(
    dataDir: string,
    name = "orders",
    env: Readonly<Record<string, string>> = {},
  ): Promise<FakeInstance> {
    const instance = new FakeInstance(dataDir, name, env);
    await until("the instance is ready", () => instance.lines.some((line) => line.startsWith("ready ")));
    return instance;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Where it listens; "undefined" when it does not. */
  get socket(): string {
    return this.lines.find((line) => line.startsWith("ready "))!.slice("ready ".length);
  }

  /** What it was asked to do. */
  get asked(): string[] {
    return this.lines.filter((line) => /^(stop|restart|swap|reload)\b/.test(line));
  }

  /** Its words come through a pipe, a moment after the answer. */
  async hasBeenAsked(times: number): Promise<void> {
    await until(`it has been asked ${times} times`, () => this.asked.length >= times);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async end(name: NodeJS.Signals): Promise<void> {
    this.signal(name);
    await this.#child.exited;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }

  async #listen(): Promise<void> {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      text += decoder.decode(chunk, { stream: true });
      const lines = text.split("\n");
      text = lines.pop()!;
      this.lines.push(...lines);
    }
  }
}

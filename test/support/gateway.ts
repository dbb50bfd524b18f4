/**
 * Real gateways for tests: the executable as `gateway 127.0.0.1 0`, by a gateway file written for the test, ended with it. Upstreams that
 * keep what they got stand in `gateway-upstreams.ts`.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { TestNode } from "./nodes.ts";
import { EXECUTABLE } from "./program.ts";
import { until } from "./until.ts";
import type { Workspace } from "./workspace.ts";

export interface GatewayOptions {
  /** Beyond `--config`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Its name, its data directory and its file's: where a test has several. */
  readonly name?: string;
}

const KIB = 1024;

export class TestGateway implements AsyncDisposable {
  readonly node: TestNode;
  /** Of its file. */
  readonly file: string;
  readonly port: number;
  readonly #dataDir: string;

  private constructor(node: TestNode, file: string, port: number, dataDir: string) {
    this.node = node;
    this.file = file;
    this.port = port;
    this.#dataDir = dataDir;
  }

  /** Resolves once it lets clients in. */
  static async start(
    folder: Workspace,
    lines: readonly string[],
    { args = [], env, name = "gateway" }: GatewayOptions = {},
  ): Promise<TestGateway> {
    const file = folder.write(`${name}.txt`, `${lines.join("\n")}\n`);
    const command = ["gateway", "127.0.0.1", "0"];
    const dataDir = folder.at(`${name}-state`);
    const node = new TestNode(name, {
      ...{ dataDir, command, cwd: folder.path, args: ["--config", file, ...args] },
      ...(env && { env }),
    });
    try {
      const { address } = await node.hears("gateway");
      return new TestGateway(node, file, Number(String(address).split(":").at(-1)), dataDir);
    } catch (thrown) {
      await node[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  get pid(): number {
    return this.node.pid;
  }

  /** What `gateway QUESTION --json` answers. */
  async ask<T>(question: string, words: readonly string[] = []): Promise<T> {
    const node = await this.node.address();
    const command = [EXECUTABLE, "gateway", question, ...words, "--json", "--data-dir", this.#dataDir, "--node", node];
    const { code, err, out } = await execute(command);
    if (code !== 0) throw new Error(`gateway ${question} ended with ${code}: ${err}`);
    return JSON.parse(out) as T;
  }

  /** Memory in RAM now. */
  rssBytes(): number {
    return this.#memory("VmRSS");
  }

  /** The most there has been since `resetPeak`, or since the start. */
  peakBytes(): number {
    return this.#memory("VmHWM");
  }

  /** From now on `peakBytes` counts again (Linux: proc(5), clear_refs). */
  async resetPeak(): Promise<void> {
    await Bun.write(`/proc/${this.pid}/clear_refs`, "5");
  }

  #memory(field: string): number {
    const status = readFileSync(join("/proc", String(this.pid), "status"), "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * KIB;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
  }
}

/** A connection whose bytes the test writes itself; what comes back is kept. */
export class RawSocket implements Disposable {
  readonly socket: Socket;
  isClosed = false;
  #received: Buffer[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => void this.#received.push(chunk));
    socket.on("error", () => {}); // a cut is a close like any other here
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  static async open(port: number): Promise<RawSocket> {
    const socket = connect({ host: "127.0.0.1", port });
    const raw = new RawSocket(socket);
    await until("a raw connection is open", () => !socket.connecting);
    return raw;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** As latin1. */
  get text(): string {
    return this.bytes.toString("latin1");
  }

  /** Of the replies of HTTP/1.1, in their order. */
  get statuses(): readonly number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  write(bytes: string | Uint8Array): void {
    if (!this.isClosed) this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Whatever was answered until it closed. */
  async closed(): Promise<string> {
    await until("the connection is closed", () => this.isClosed);
    return this.text;
  }

  async says(text: string): Promise<string> {
    await until(`${text} is answered; so far: ${this.text.slice(0, 200)}`, () => this.text.includes(text));
    return this.text;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

export interface CommandEnd {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A client that takes longer hangs, however busy the machine is. */
const CLIENT_TIMEOUT_MS = 60_000;

/** Runs a client program to its end. */
export async function execute(command: readonly string[], timeoutMs = CLIENT_TIMEOUT_MS): Promise<CommandEnd> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: timeoutMs });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

/** curl, silent, with what is wrong on standard error. */
export function curl(...words: readonly string[]): Promise<CommandEnd> {
  return execute(["curl", "-sS", "--max-time", String(CLIENT_TIMEOUT_MS / 1000), ...words]);
}

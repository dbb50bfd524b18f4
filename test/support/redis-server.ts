/** A real redis-server on a port of its own, its data in a temporary directory; killed hard and started again as a test wants. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

const PROGRAM = Bun.which("redis-server");

/** Where it has to be there, its absence is a failure. */
export const HAS_REDIS = PROGRAM !== null || process.env.CI === "true";
if (!HAS_REDIS) console.error("skipped: there is no redis-server on this machine");

export class RedisServer implements AsyncDisposable {
  readonly port = freePort();
  readonly url: string;
  readonly #directory = mkdtempSync(join(tmpdir(), "redis-"));
  readonly #options: readonly string[];
  #process: Bun.Subprocess | undefined;

  constructor({ password, options = [] }: { readonly password?: string; readonly options?: readonly string[] } = {}) {
    this.url = `redis://${password === undefined ? "" : `:${encodeURIComponent(password)}@`}127.0.0.1:${this.port}/3`;
    this.#options = [...options, ...(password === undefined ? [] : ["--requirepass", password])];
  }

  async start(): Promise<void> {
    const own = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#directory, "--save", ""];
    this.#process = Bun.spawn([PROGRAM ?? "redis-server", ...own, ...this.#options], {
      stdout: "ignore",
      stderr: "ignore",
    });
    await until("redis-server listens", () => isListening(this.port));
  }

  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
  }

  /** It lives, and does nothing. */
  stall(): void {
    this.#process?.kill("SIGSTOP");
  }

  goOn(): void {
    this.#process?.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function isListening(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false; // not yet
  }
}

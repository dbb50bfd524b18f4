/** A node of the executable, started for one measurement, asked over HTTP as anybody would, and told to end with it. */
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { until } from "../../../test/support/until.ts";
import type { Site } from "./site.ts";

export interface BenchNodeOptions {
  readonly name: string;
  readonly site: Site;
  /** Shared by nodes of one cluster. */
  readonly dataDir: string;
  /** Words behind the address, such as `--services DIR`. */
  readonly args?: readonly string[];
  /** Instead of the executable. */
  readonly program?: readonly string[];
}

interface Place {
  readonly service: string;
  readonly healthy: number;
  readonly isReachable: boolean;
}

/** After a SIGTERM; then it is killed. */
const END_WITHIN_MS = 10_000;
/** Whoever measures asks for as long as the step takes. */
const CALL_MS_MAX = 600_000;

export class BenchNode implements AsyncDisposable {
  readonly address: string;
  readonly url: string;
  readonly token: string;
  readonly #options: BenchNodeOptions;
  readonly #child: Bun.Subprocess;

  private constructor(options: BenchNodeOptions, child: Bun.Subprocess, address: string, token: string) {
    this.#options = options;
    this.#child = child;
    this.address = address;
    this.url = `http://${address}`;
    this.token = token;
  }

  /** It listens, and there is a token for it. */
  static async start(options: BenchNodeOptions): Promise<BenchNode> {
    const { args = [], dataDir, name, program, site } = options;
    mkdirSync(dataDir, { recursive: true });
    const log = openSync(join(dataDir, `${name}.log`), "a");
    const words = ["node", name, "127.0.0.1", "0", "--json", "--quiet", "--data-dir", dataDir, ...args];
    const child = Bun.spawn([...(program ?? [site.executable]), ...words], {
      stdio: ["ignore", "pipe", log],
      env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1", ...site.env(name) },
    });
    closeSync(log);
    try {
      const address = await addressOf(child.stdout);
      if (address === undefined)
        throw new Error(`${name} has not started:\n${readFileSync(join(dataDir, `${name}.log`), "utf8")}`);
      return new BenchNode(options, child, address, await tokenOf(site, dataDir, address));
    } catch (thrown) {
      await end(child);
      throw thrown;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Until calls of that service reach somebody. */
  async untilCallable(service: string): Promise<void> {
    await until(`${this.#options.name} can call ${service}`, async () => {
      const answer = await this.get("/debug/registry");
      if (!answer.ok) return false;
      const { places } = (await answer.json()) as { readonly places: readonly Place[] }; // as its contract says
      return places.some((place) => place.service === service && place.healthy > 0 && place.isReachable);
    });
  }

  get(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`, { headers: { authorization: `Bearer ${this.token}` } });
  }

  /** The result of a method; fails with what the node answers instead. */
  async call<Result>(service: string, method: string, params: unknown): Promise<Result> {
    const answer = await fetch(`${this.url}/rpc/${service}/${method}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.token}`,
        "content-type": "application/json",
        "deadline-ms": String(CALL_MS_MAX),
      },
      body: JSON.stringify(params),
    });
    if (!answer.ok) throw new Error(`${service}.${method}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Result; // the benchmark's own services
  }

  [Symbol.asyncDispose](): Promise<void> {
    return end(this.#child);
  }
}

/** What it tells first; the rest is read and thrown away, for a full pipe would hold it up. */
function addressOf(output: ReadableStream<Uint8Array>): Promise<string | undefined> {
  return new Promise((resolve) => {
    void readLines(output, (line) => {
      const told = JSON.parse(line) as { readonly event: string; readonly address?: string }; // its documented notices
      if (told.event === "started") resolve(told.address);
    }).then(() => resolve(undefined));
  });
}

async function readLines(output: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of output) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(line);
  }
}

async function tokenOf({ executable }: Site, dataDir: string, address: string): Promise<string> {
  const words = ["token", "create", "--role", "operator", "--node", address, "--data-dir", dataDir];
  const child = Bun.spawn([executable, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  const [token, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`token create: ${errors}`);
  return token.trim();
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const timer = systemClock.after(END_WITHIN_MS, () => child.kill("SIGKILL"));
  await child.exited;
  timer.cancel();
}

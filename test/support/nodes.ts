/** Real nodes of a cluster: the executable as `node`, with what it tells read as it comes, ended with the test. */
import { EXECUTABLE } from "./program.ts";
import { until } from "./until.ts";

export interface Told {
  readonly event: string;
  readonly timeMs: number;
  readonly [field: string]: unknown;
}

export interface TestNodeOptions {
  /** Its state, and of the commands that ask it. */
  readonly dataDir: string;
  /** Words that make it what it is; a mere member without them. */
  readonly command?: readonly string[];
  /** Beyond the command. */
  readonly args?: readonly string[];
  /** Words before the command: where it runs. */
  readonly within?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class TestNode implements AsyncDisposable {
  readonly name: string;
  readonly told: Told[] = [];
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  #stderr = "";

  constructor(name: string, { args = [], command = ["node", name], cwd, dataDir, env, within = [] }: TestNodeOptions) {
    this.name = name;
    this.#child = Bun.spawn([...within, EXECUTABLE, ...command, "--json", ...args], {
      ...(cwd !== undefined && { cwd }),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: environment(dataDir, env),
    });
    void this.#read();
    void this.#collect();
  }

  get pid(): number {
    return this.#child.pid;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** `host:port`, once it listens. */
  async address(): Promise<string> {
    const { address } = await this.hears("started");
    return String(address);
  }

  /** The first notice of that kind, about that member where one is named, from the `from`th notice on. */
  hears(event: string, about?: string, from = 0): Promise<Told> {
    const isIt = (told: Told): boolean =>
      told.event === event && (about === undefined || (told.member as { id?: string } | undefined)?.id === about);
    return until(`${this.name} tells ${event} ${about ?? ""}`, () => {
      const found = this.told.slice(from).find(isIt);
      if (!found && this.#child.exitCode !== null) throw new Error(`${this.name} has ended; it said:\n${this.#stderr}`);
      return found;
    });
  }

  /** What this node has heard last of each other member. */
  view(): ReadonlyMap<string, string> {
    const view = new Map<string, string>();
    for (const { event, member } of this.told) {
      const id = (member as { id?: string } | undefined)?.id;
      if (id !== undefined) view.set(id, event === "leave" ? "gone" : event === "suspect" ? "suspect" : "alive");
    }
    return view;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.told.push(JSON.parse(line) as Told);
    }
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) this.#stderr += decoder.decode(chunk, { stream: true });
  }
}

/** Starts nodes one after the other, the first one the seed of the others, and waits until all know all. */
export async function startCluster(names: readonly string[], options: TestNodeOptions): Promise<readonly TestNode[]> {
  const [first, ...others] = names as [string, ...string[]];
  const nodes = [new TestNode(first, options)];
  const seed = await nodes[0]!.address();
  for (const name of others)
    nodes.push(new TestNode(name, { ...options, args: [...(options.args ?? []), "--seeds", seed] }));
  await untilAgreed(nodes, names);
  return nodes;
}

export async function untilAgreed(nodes: readonly TestNode[], alive: readonly string[]): Promise<void> {
  await until(`${nodes.map(({ name }) => name).join(", ")} hold exactly ${alive.join(", ")} for alive`, () =>
    nodes.every((node) => {
      const view = node.view();
      const held = [...view].filter(([, opinion]) => opinion !== "gone").map(([id]) => id);
      return [node.name, ...held].sort().join() === [...alive].sort().join();
    }),
  );
}

/** The log is text, as on a terminal. */
function environment(dataDir: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const state = { HOME: dataDir, DISTRIBUTED_SYSTEM_DATA_DIR: dataDir };
  return { PATH: process.env.PATH ?? "", DISTRIBUTED_SYSTEM_LOG_FORMAT: "text", ...state, ...more };
}

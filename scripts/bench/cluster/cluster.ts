/** A master and workers that stay up, and jobs that they are given one after the other. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pause, systemClock } from "../../../src/base/clock.ts";
import { freePorts } from "../../../test/support/free-port.ts";
import { type RoleCpu, roleCpu } from "./cpu.ts";
import { Member, type Told } from "./member.ts";

export interface ClusterOptions {
  readonly directory: string;
  readonly executable: string;
  readonly workers: number;
  /** Words before a worker's command: where it runs. */
  readonly within?: readonly string[];
}

export interface Job {
  readonly wallMs: number;
  readonly master: number;
  /** Of the workers' own processes, and of their hosts. */
  readonly workers: number;
  readonly hosts: number;
}

const LOOK_EVERY_MS = 5;
const ASK_EVERY_MS = 50;
const JOIN_WITHIN_MS = 30_000;
const JOB_WITHIN_MS = 600_000;

export class Cluster implements AsyncDisposable {
  readonly #options: ClusterOptions;
  readonly #told: Told[] = [];
  readonly #cast = new AsyncDisposableStack();
  #master!: Member;
  #workers: readonly Member[] = [];

  private constructor(options: ClusterOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    try {
      await cluster.#start();
      return cluster;
    } catch (thrown) {
      await cluster[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Submits the file, and waits until the pipeline has ended. */
  async run(pipelineText: string): Promise<Job> {
    const { directory } = this.#options;
    const path = join(directory, "job.txt");
    writeFileSync(path, pipelineText);
    const [before, from] = [this.#cpu(), this.#told.length];
    const startedMs = systemClock.now();
    await this.ask("submit", path, "--fresh");
    const end = await this.#end(from);
    if (end.state !== "ended") throw new Error(`the pipeline is ${end.state}: ${end.detail}`);
    const after = this.#cpu();
    const used = (pick: (cpu: ReturnType<Cluster["cpuNow"]>) => number): number => pick(after) - pick(before);
    return {
      wallMs: end.timeMs - startedMs,
      master: used((cpu) => cpu.master),
      workers: used((cpu) => cpu.workers),
      hosts: used((cpu) => cpu.hosts),
    };
  }

  cpuNow() {
    return this.#cpu();
  }

  /** What a command to this master prints. */
  async ask(...words: readonly string[]): Promise<string> {
    const { directory, executable } = this.#options;
    const argv = [executable, ...words, "--data-dir", join(directory, "state")];
    const child = Bun.spawn(argv, { stdio: ["ignore", "pipe", "pipe"] });
    const [text, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    if ((await child.exited) !== 0) throw new Error(`${words.join(" ")}: ${errors}`);
    return text;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cast.disposeAsync();
  }

  async #start(): Promise<void> {
    const { within = [], workers } = this.#options;
    const [port, ...others] = (await freePorts(workers + 1)) as [number, ...number[]];
    this.#master = this.#member("master", ["master", "127.0.0.1", String(port)], []);
    this.#workers = others.map((own, index) => {
      const name = `worker${index + 1}`;
      return this.#member(name, [name, "127.0.0.1", String(own), "127.0.0.1", String(port)], within);
    });
    const untilMs = systemClock.monotonic() + JOIN_WITHIN_MS;
    while ((await this.#workersHere()) < workers) {
      if (systemClock.monotonic() > untilMs)
        throw new Error(`not all workers have joined: see ${this.#options.directory}`);
      await pause(systemClock, ASK_EVERY_MS);
    }
  }

  #member(name: string, words: readonly string[], within: readonly string[]): Member {
    const { directory, executable } = this.#options;
    const argv = [executable, ...words, "--json", "--data-dir", join(directory, "state")];
    const take = (told: Told): void => void (name === "master" && this.#told.push(told));
    const member = new Member({
      name,
      argv,
      log: join(directory, `${name}.log`),
      awayMs: () => 0,
      take,
      ...(within.length > 0 && { within }),
    });
    return this.#cast.adopt(member, (each) => each.close());
  }

  async #workersHere(): Promise<number> {
    const answer = await this.ask("pipelines", "--json").catch(() => '{"workers":[]}'); // it does not listen yet
    return (JSON.parse(answer) as { workers: unknown[] }).workers.length;
  }

  async #end(from: number): Promise<Told> {
    const untilMs = systemClock.monotonic() + JOB_WITHIN_MS;
    for (;;) {
      const isOver = ({ event, state }: Told): boolean =>
        event === "pipeline" && (state === "ended" || state === "failed" || state === "cancelled");
      const end = this.#told.slice(from).find(isOver);
      if (end) return end;
      if (systemClock.monotonic() > untilMs) throw new Error("the pipeline has not ended");
      await pause(systemClock, LOOK_EVERY_MS);
    }
  }

  #cpu() {
    const of = ({ pid }: Member): RoleCpu => (pid === undefined ? { own: 0, below: 0 } : roleCpu(pid));
    const workers = this.#workers.map(of);
    return {
      master: of(this.#master).own,
      workers: workers.reduce((sum, { own }) => sum + own, 0),
      hosts: workers.reduce((sum, { below }) => sum + below, 0),
    };
  }
}

/**
 * A master and workers of its own for a test: real processes of one user, with one data directory and so one cluster key, ended
 * with the test. A master that is started again comes back where it was: its port is one that the system gives to nobody else meanwhile.
 */
import type { PipelineView, WorkerInfo } from "../../src/app/master/pipelines-contract.ts";
import type { ReportView } from "../../src/work/report/index.ts";
import { freePorts } from "./free-port.ts";
import { TestNode, type TestNodeOptions } from "./nodes.ts";
import { killHard } from "./processes.ts";
import type { Ended } from "./program.ts";
import { until } from "./until.ts";
import { Workspace } from "./workspace.ts";

export interface MasterList {
  readonly pipelines: readonly PipelineView[];
  readonly workers: readonly WorkerInfo[];
}

type Options = Partial<TestNodeOptions>;

export class PipelineCluster implements AsyncDisposable {
  readonly space = new Workspace();
  readonly #nodes = new Map<string, TestNode>();
  #address: string | undefined;

  /** A master and workers that it knows. */
  static async start(workers: readonly string[], options: Options = {}): Promise<PipelineCluster> {
    const cluster = new PipelineCluster();
    try {
      await cluster.master(options);
      for (const name of workers) await cluster.worker(name);
      await cluster.untilWorkers(...workers);
      return cluster;
    } catch (thrown) {
      await cluster[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get address(): string {
    return this.#address!;
  }

  node(name: string): TestNode {
    return this.#nodes.get(name)!;
  }

  /** Starts a node of any kind, also again. */
  add(name: string, options: TestNodeOptions): TestNode {
    const node = new TestNode(name, { cwd: this.space.path, ...options });
    this.#nodes.set(name, node);
    return node;
  }

  /** Starts one, also again. Resolves when it listens. */
  async master(options: Options = {}): Promise<TestNode> {
    const [host, port] = (this.#address ?? `127.0.0.1:${(await freePorts(1))[0]}`).split(":") as [string, string];
    const master = this.add("master", {
      dataDir: this.space.at("state"),
      command: ["master", host, port],
      ...options,
    });
    this.#address = await master.address();
    return master;
  }

  async worker(name: string, options: Options = {}): Promise<TestNode> {
    const command = [name, "127.0.0.1", "0", ...this.address.split(":")];
    const worker = this.add(name, { dataDir: this.space.at("state"), command, ...options });
    await worker.address();
    return worker;
  }

  /** kill -9; its hosts go with it. */
  async killHard(name: string): Promise<void> {
    const node = this.node(name);
    killHard(node.pid);
    await node.exited;
  }

  /** A command of somebody who works with the master. */
  ask(...words: readonly string[]): Promise<Ended> {
    return this.space.exec(words);
  }

  /** Fails with what it said when it was refused. */
  async tell(...words: readonly string[]): Promise<Ended> {
    const ended = await this.ask(...words);
    if (ended.code !== 0) throw new Error(`${words.join(" ")} gave ${ended.code}: ${ended.stderr}`);
    return ended;
  }

  async list(): Promise<MasterList> {
    return JSON.parse((await this.tell("pipelines", "--json")).stdout) as MasterList;
  }

  /** By its name; the last submitted. */
  async pipeline(name: string): Promise<PipelineView | undefined> {
    return (await this.list()).pipelines.findLast((each) => each.name === name);
  }

  untilWorkers(...names: readonly string[]): Promise<unknown> {
    return until(`the workers ${names.join(", ")} are here`, async () => {
      const { workers } = await this.list();
      return (
        workers
          .map(({ id }) => id)
          .toSorted()
          .join() === names.toSorted().join()
      );
    });
  }

  /** What the master told of it last; from its notices, so that no state is missed. A failure that is not asked for ends the wait. */
  untilState(name: string, ...states: readonly string[]): Promise<PipelineView> {
    return until(`${name} is ${states.join(" or ")}`, () => {
      const last = this.told(name).at(-1);
      if (last && states.includes(last.state)) return last;
      if (last?.state === "failed") throw new Error(`${name} has failed: ${last.detail}`);
      return undefined;
    });
  }

  /** All that this life of the master has told of it. */
  told(name: string): readonly PipelineView[] {
    const told = this.node("master").told.filter((each) => each.event === "pipeline" && each.name === name);
    return told as unknown as readonly PipelineView[]; // the view is in the notice
  }

  async report(id: string): Promise<ReportView> {
    return JSON.parse((await this.tell("report", id, "--json")).stdout) as ReportView;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node[Symbol.asyncDispose]()));
    this.space[Symbol.dispose]();
  }
}

/**
 * Masters that are one group, with workers, for a test: real processes of one user with one data directory, all of which may be
 * killed, paused and started again where they were. Who leads is read from what they say, so that asking disturbs nothing.
 */
import type { PipelineView } from "../../src/app/master/pipelines-contract.ts";
import type { TestNode, TestNodeOptions } from "./nodes.ts";
import { type MasterList, PipelineCluster } from "./pipeline-cluster.ts";
import { isAlive } from "./processes.ts";
import { freePorts } from "./raft-cluster/free-ports.ts";
import { until } from "./until.ts";

type Options = Partial<TestNodeOptions>;

/** What a master says when it has taken up what all keep. */
const LEADS = /leads the masters term=(\d+)/g;

export class MasterGroup extends PipelineCluster {
  /** By id. */
  readonly addresses: ReadonlyMap<string, string>;
  readonly lives: TestNode[] = [];
  /** Beyond the command, of every master. */
  readonly #options: Options;

  private constructor(addresses: ReadonlyMap<string, string>, options: Options) {
    super();
    this.addresses = addresses;
    this.#options = options;
  }

  /** `m1` and so on, one of them leading, and workers that it knows. */
  static async of(count: number, workers: readonly string[], options: Options = {}): Promise<MasterGroup> {
    const ports = await freePorts(count);
    const addresses = new Map(ports.map((port, at) => [`m${at + 1}`, `127.0.0.1:${port}`]));
    const group = new MasterGroup(addresses, options);
    try {
      await Promise.all(group.ids.map((id) => group.startMaster(id)));
      await group.untilLed();
      await Promise.all(workers.map((name) => group.worker(name)));
      await group.untilWorkers(...workers);
      return group;
    } catch (thrown) {
      await group[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get ids(): readonly string[] {
    return [...this.addresses.keys()];
  }

  /** For `--masters`. */
  get masters(): string {
    return [...this.addresses].map(([id, address]) => `${id}=${address}`).join(",");
  }

  /** Starts it, also again. Resolves when it listens. */
  async startMaster(id: string, options: Options = {}): Promise<TestNode> {
    const [host, port] = this.addresses.get(id)!.split(":") as [string, string];
    const { args = [], ...more } = { ...this.#options, ...options };
    const master = this.add(id, {
      dataDir: this.space.at("state"),
      command: ["master", host, port, "--node-id", id],
      args: ["--masters", this.masters, ...args],
      ...more,
    });
    this.lives.push(master);
    await master.address();
    return master;
  }

  override async worker(name: string, options: Options = {}): Promise<TestNode> {
    const seeds = [...this.addresses.values()].join(",");
    const command = ["worker", "--port", "0", "--node-id", name, "--coord", seeds];
    const worker = this.add(name, { dataDir: this.space.at("state"), command, ...options });
    await worker.address();
    return worker;
  }

  /** Who has taken up last, of those that live: in a later term than any other. Undefined when that one is gone. */
  get leader(): string | undefined {
    const taken = this.lives.flatMap((life) =>
      [...life.stderr.matchAll(LEADS)].map(([, term]) => ({ life, term: Number(term) })),
    );
    const last = taken.toSorted((one, other) => one.term - other.term).at(-1);
    return last && isAlive(last.life.pid) ? last.life.name : undefined;
  }

  /** Resolves with who leads, by someone else than `before` where one is named. */
  untilLed(before?: string): Promise<string> {
    return until(`a master leads${before === undefined ? "" : ` that is not ${before}`}`, () => {
      const { leader } = this;
      return leader !== before && leader;
    });
  }

  /** One that runs and does not lead. */
  follower(): string {
    const { leader } = this;
    return this.ids.find((id) => id !== leader && isAlive(this.node(id).pid))!;
  }

  /** What the master with this id answers. */
  async listOf(id: string): Promise<MasterList> {
    const { stdout } = await this.tell("pipelines", "--json", "--node", this.addresses.get(id)!);
    return JSON.parse(stdout) as MasterList;
  }

  /** All that masters have told of it, in all their lives. */
  override told(name: string): readonly PipelineView[] {
    const told = this.lives.flatMap((life) => life.told);
    const about = told.filter((each) => each.event === "pipeline" && each.name === name);
    return about.toSorted((one, other) => one.timeMs - other.timeMs) as unknown as readonly PipelineView[]; // the view is in the notice
  }
}

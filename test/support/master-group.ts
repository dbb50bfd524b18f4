/**
 * Masters that are one group, with workers, for a test: real processes, which may be killed, stopped and started again where they
 * were. They have one data directory, as on one machine, or each its own. Who leads is read from what they say, so that asking disturbs
 * nothing.
 */
import type { PipelineView } from "../../src/app/master/pipelines-contract.ts";
import { freePorts } from "./free-port.ts";
import type { TestNode, TestNodeOptions } from "./nodes.ts";
import { type MasterList, PipelineCluster } from "./pipeline-cluster.ts";
import { isAlive } from "./processes.ts";
import { until } from "./until.ts";

type Options = Partial<TestNodeOptions>;

export interface MasterGroupOptions {
  /** Beyond the command, of every master. */
  readonly args?: readonly string[];
  /** Each master has a data directory and a working directory of its own, and nobody makes a key by himself. */
  readonly isApart?: true;
  /** Nobody is started: the test does. */
  readonly isIdle?: true;
  /** Beside them one of this id, which begins no group, and is not started. */
  readonly standBy?: string;
}

/**
 * Tests share two processors with others, and a leader that is only slow for a moment is not what they are about: where elections cost
 * the start of all stages, a false one breeds the next.
 */
const TIMES = ["--election-timeout", "500ms..1s", "--heartbeat", "50ms"];
/** What a master says when it has taken up what all keep. */
const LEADS = /leads the masters term=(\d+)/g;

export class MasterGroup extends PipelineCluster {
  /** Who begins the group. */
  readonly ids: readonly string[];
  readonly #addresses: ReadonlyMap<string, string>;
  readonly #lives: TestNode[] = [];
  readonly #options: MasterGroupOptions;

  private constructor(ids: readonly string[], addresses: ReadonlyMap<string, string>, options: MasterGroupOptions) {
    super();
    this.ids = ids;
    this.#addresses = addresses;
    this.#options = options;
  }

  /** `m1` and so on, one of them leading, and workers that it knows. */
  static async of(count: number, workers: readonly string[], options: MasterGroupOptions = {}): Promise<MasterGroup> {
    const ids = Array.from({ length: count }, (_, at) => `m${at + 1}`);
    const all = [...ids, ...(options.standBy === undefined ? [] : [options.standBy])];
    const ports = await freePorts(all.length);
    const addresses = new Map(all.map((id, at) => [id, `127.0.0.1:${ports[at]}`]));
    const group = new MasterGroup(ids, addresses, options);
    try {
      await group.#begin(workers);
      return group;
    } catch (thrown) {
      await group[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** The words that ask this master. */
  at(id: string): readonly string[] {
    return ["--node", this.#addresses.get(id)!, ...this.#secrets];
  }

  /** Starts it, also again. Resolves when it listens. */
  async startMaster(id: string, options: Options = {}): Promise<TestNode> {
    const { args = [], standBy } = this.#options;
    const masters = this.ids.map((each) => `${each}=${this.#addresses.get(each)}`).join(",");
    const seeds = this.ids.map((each) => this.#addresses.get(each)).join(",");
    const group = id === standBy ? ["--standby", "--seeds", seeds] : ["--masters", masters];
    const [host, port] = this.#addresses.get(id)!.split(":") as [string, string];
    const master = this.add(id, {
      ...this.#placeOf(id),
      command: ["master", host, port, "--node-id", id],
      ...options,
      args: [...group, ...TIMES, ...this.#secrets, ...args, ...(options.args ?? [])],
    });
    this.#lives.push(master);
    await master.address();
    return master;
  }

  override async worker(name: string, options: Options = {}): Promise<TestNode> {
    const seeds = this.ids.map((each) => this.#addresses.get(each)).join(",");
    const command = ["worker", "--port", "0", "--node-id", name, "--coord", seeds, ...this.#secrets];
    const worker = this.add(name, { ...this.#placeOf(name), command, ...options });
    await worker.address();
    return worker;
  }

  /** Who has taken up last, of those that live: in a later term than any other. Undefined when that one is gone. */
  get leader(): string | undefined {
    const taken = this.#lives.flatMap((life) =>
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

  override async list(): Promise<MasterList> {
    return this.listOf(this.ids.find((id) => isAlive(this.node(id).pid))!);
  }

  /** What the master with this id answers. */
  async listOf(id: string): Promise<MasterList> {
    const { stdout } = await this.tell("pipelines", "--json", ...this.at(id));
    return JSON.parse(stdout) as MasterList;
  }

  /** All that masters have told of it, in all their lives. */
  override told(name: string): readonly PipelineView[] {
    const told = this.#lives.flatMap((life) => life.told);
    const about = told.filter((each) => each.event === "pipeline" && each.name === name);
    return about.toSorted((one, other) => one.timeMs - other.timeMs) as unknown as readonly PipelineView[]; // the view is in the notice
  }

  get #secrets(): readonly string[] {
    return this.#options.isApart ? ["--secrets", this.space.at("secrets")] : [];
  }

  #placeOf(id: string): Pick<TestNodeOptions, "cwd" | "dataDir"> {
    if (!this.#options.isApart) return { dataDir: this.space.at("state"), cwd: this.space.path };
    this.space.write(`${id}/here`, "");
    return { dataDir: this.space.at(`${id}-state`), cwd: this.space.at(id) };
  }

  async #begin(workers: readonly string[]): Promise<void> {
    if (this.#options.isApart) {
      const everybody = [...this.#addresses.keys(), "worker1", "worker2", "worker3"];
      const certificates = everybody.flatMap((id) => ["--node", `${id}=127.0.0.1`]);
      await this.tell("init", this.space.at("secrets"), ...certificates);
    }
    if (this.#options.isIdle) return;
    await Promise.all(this.ids.map((id) => this.startMaster(id)));
    await this.untilLed();
    await Promise.all(workers.map((name) => this.worker(name)));
    if (workers.length > 0) await this.untilWorkers(...workers);
  }
}

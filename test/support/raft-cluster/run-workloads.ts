/** All kinds of work at once, each by some workers; told when to end, then looks at what is there, and judges. */
import { seededRandom } from "../../../src/base/random.ts";
import type { DataClient } from "../../../src/data/client/index.ts";
import { Bank } from "./bank.ts";
import { Ledger } from "./ledger.ts";
import { Locks } from "./locks.ts";
import { Queues } from "./queues.ts";
import { PutsAndGets, Swaps } from "./registers.ts";
import { SplitBank } from "./split-bank.ts";
import { Tally } from "./tally.ts";
import { type Judgement, TIMEOUTS_MS, type Worker, type Workload } from "./workload.ts";

export interface WorkOptions {
  readonly seed: number;
  /** Of each kind. */
  readonly workers: number;
  /** Groups that transfers go between; without two of them there is no such bank. */
  readonly groups: readonly string[];
  /** The `at`th one: of each worker its own. */
  readonly client: (at: number) => Promise<DataClient>;
  /** Most that a worker rests after each step: a machine with few cores gives its time to nodes, not to clients. */
  readonly restMsMax?: number;
  /** Names of kinds; all without it. */
  readonly only?: readonly string[];
  /** How long a message is hidden that was taken. */
  readonly visibilityMs?: number;
  /** How long a call may take, one of these each time. Processes that are killed and come back take what is the default. */
  readonly timeoutsMs?: readonly number[];
  /** Hears how far the end has come. */
  readonly tell?: (line: string) => void;
}

const REST_MS_MAX = 12;

function allWorkloads({ groups, visibilityMs }: WorkOptions): Workload[] {
  return [
    new Ledger(),
    // Clocks of one machine run alike, so that reads under a lease are as good.
    new PutsAndGets("register", ["linearizable", "linearizable", "lease"]),
    new Swaps("cas", ["linearizable"]),
    new Locks(),
    new Queues(visibilityMs),
    new Bank(),
    ...(groups.length > 1 ? [new SplitBank(groups)] : []),
  ];
}

export class Work {
  readonly tally = new Tally();
  readonly #workloads: readonly Workload[];
  readonly #options: WorkOptions;
  readonly #lanes: Promise<void>[] = [];
  readonly #workers: Worker[] = [];
  #isOver = false;
  #failure: unknown;

  private constructor(options: WorkOptions) {
    this.#options = options;
    const { only } = options;
    this.#workloads = allWorkloads(options).filter(({ name }) => only?.includes(name) ?? true);
  }

  static async start(options: WorkOptions): Promise<Work> {
    const work = new Work(options);
    const { timeoutsMs = TIMEOUTS_MS } = options;
    for (const [kind, workload] of work.#workloads.entries()) {
      for (let each = 0; each < options.workers; each++) {
        const at = kind * options.workers + each;
        const random = seededRandom(options.seed * 1_000 + at);
        const data = await options.client(at);
        const worker = { name: `${workload.name}-${each}`, data, random, tally: work.tally, timeoutsMs };
        work.#workers.push(worker);
        work.#lanes.push(work.#lane(workload, worker));
      }
    }
    return work;
  }

  /** Fails when a worker has failed, so that nobody goes on for nothing. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends all lanes, when all nodes are well; each kind looks at what is there. */
  async finish(): Promise<readonly Judgement[]> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
    this.check();
    for (const [kind, workload] of this.#workloads.entries()) {
      await workload.finish(this.#workers[kind * this.#options.workers]!);
      this.#options.tell?.(`${workload.name}: looked at what is there`);
    }
    return this.#workloads.map((workload) => {
      const judgement = workload.judge();
      this.#options.tell?.(`${workload.name}: judged`);
      return judgement;
    });
  }

  async #lane(workload: Workload, worker: Worker): Promise<void> {
    const { restMsMax = REST_MS_MAX } = this.#options;
    try {
      while (!this.#isOver && this.#failure === undefined) {
        await workload.step(worker);
        await Bun.sleep(worker.random.below(restMsMax));
      }
    } catch (thrown) {
      this.#failure ??= thrown;
    }
  }
}

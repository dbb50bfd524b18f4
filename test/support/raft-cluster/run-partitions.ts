/**
 * Five masters on five hosts of a network of our own, their clients on a sixth, and paths that break: between two sides, in one direction
 * only, around one host. Now and then a node is killed as well. After each healing clients must be answered again.
 */
import { join } from "node:path";
import { type Random, seededRandom } from "../../../src/base/random.ts";
import { TestNetwork } from "../network.ts";
import { until } from "../until.ts";
import type { ClientsNotice, ClientsOrder } from "./clients-child.ts";
import { RaftCluster } from "./cluster.ts";

export interface PartitionOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly workers: number;
  readonly partitions: number;
  readonly groups: readonly string[];
  readonly tell: (line: string) => void;
}

export interface PartitionOutcome {
  readonly faults: readonly string[];
  readonly undecided: number;
  readonly tally: string;
}

const SPLIT_MS_MAX = 3_000;
const DOWN_MS_MAX = 900;
/** One partition in so many has a node killed on top. */
const KILL_ONE_IN = 3;
const PROGRESS = 25;
const STALL_MS = 60_000;
const VERDICT_MS = 240_000;

export async function runPartitions(options: PartitionOptions): Promise<PartitionOutcome> {
  const { groups, nodes, partitions, seed, tell } = options;
  using network = new TestNetwork(nodes + 1);
  await using cluster = await RaftCluster.start({ count: nodes, groups, network });
  await using clients = new Clients(network, nodes + 1, orderOf(cluster, options));
  const random = seededRandom(seed);
  await clients.progress();
  for (let each = 1; each <= partitions; each++) {
    const what = breakPaths(network, random);
    tell(`${each}/${partitions} ${what}`);
    const victim = random.below(KILL_ONE_IN) === 0 ? cluster.ids[random.below(nodes)] : undefined;
    if (victim !== undefined) await cluster.kill(victim);
    await Bun.sleep(random.below(SPLIT_MS_MAX));
    network.heal();
    const healedMs = performance.now();
    await Bun.sleep(random.below(DOWN_MS_MAX));
    if (victim !== undefined) await cluster.start(victim);
    await clients.progress();
    tell(`  answered again ${Math.round(performance.now() - healedMs)} ms after it healed`);
    cluster.check();
  }
  return await clients.verdict();
}

function orderOf(cluster: RaftCluster, { seed, workers }: PartitionOptions): ClientsOrder {
  const nodes = Object.fromEntries(cluster.ids.map((id) => [id, cluster.addressOf(id)]));
  const dataDir = cluster.space.at("clients");
  return { seed, workers, groups: cluster.groups, nodes, secrets: cluster.secrets!, dataDir };
}

/** Says what it has broken. The last host is the clients'. */
function breakPaths(network: TestNetwork, random: Random): string {
  const { hosts } = network;
  const kind = random.below(3);
  if (kind === 0) {
    const left = hosts.filter(() => random.below(2) === 0);
    const right = hosts.filter((host) => !left.includes(host));
    network.split(left, right);
    return `nothing between ${left.join()} and ${right.join()}`;
  }
  if (kind === 1) {
    const alone = hosts[random.below(hosts.length - 1)]!;
    network.split(
      [alone],
      hosts.filter((host) => host !== alone && host !== hosts.length),
    );
    return `host ${alone} hears clients only`;
  }
  const lost: string[] = [];
  for (const from of hosts) {
    for (const to of hosts) {
      if (from === to || random.below(4) > 0) continue;
      network.drop(from, to);
      lost.push(`${from}→${to}`);
    }
  }
  return `lost: ${lost.join(" ")}`;
}

class Clients implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  #answered = 0;
  #outcome: PartitionOutcome | undefined;

  constructor(network: TestNetwork, host: number, order: ClientsOrder) {
    const script = join(import.meta.dir, "clients-child.ts");
    this.#child = Bun.spawn([...network.on(host), process.execPath, script, JSON.stringify(order)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      env: { PATH: process.env.PATH ?? "", HOME: order.dataDir },
    });
    void this.#read();
  }

  /** Some more answers than now. */
  async progress(): Promise<void> {
    const goal = this.#answered + PROGRESS;
    await until("clients are answered", () => this.#alive() && this.#answered >= goal, STALL_MS);
  }

  async verdict(): Promise<PartitionOutcome> {
    this.#child.stdin.write("finish\n");
    await this.#child.stdin.flush();
    return await until("clients have judged", () => this.#outcome ?? (this.#alive() && undefined), VERDICT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  #alive(): boolean {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return true;
    throw new Error(`the clients have ended with ${this.#child.exitCode ?? this.#child.signalCode}`);
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#hear(JSON.parse(line) as ClientsNotice);
    }
  }

  #hear(notice: ClientsNotice): void {
    if ("answered" in notice) this.#answered = notice.answered;
    else this.#outcome = notice;
  }
}

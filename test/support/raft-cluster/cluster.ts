/**
 * Masters in a group, as real processes: started, killed, paused and started again, one by one or all at once. They keep their addresses
 * over their lives. On loopback all share one state directory, and so one cluster key; on hosts of their own each has its own, and
 * secrets made by `init`.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { connectData } from "../../../src/app/data/connect-data.ts";
import type { DataClient } from "../../../src/data/client/index.ts";
import { freePorts } from "../free-port.ts";
import type { TestNetwork } from "../network.ts";
import { TestNode } from "../nodes.ts";
import { isGone, killHard } from "../processes.ts";
import { runProgram } from "../program.ts";
import { Workspace } from "../workspace.ts";

export interface RaftClusterOptions {
  readonly count: number;
  /** Beside main. */
  readonly groups?: readonly string[];
  /** Beyond the command. */
  readonly args?: readonly string[];
  /** One master on each of its first hosts; all on loopback without it. */
  readonly network?: TestNetwork;
}

/** One line that a node has logged. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

interface Place {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly within: readonly string[];
}

const NETWORK_PORT = 7_000;

export class RaftCluster implements AsyncDisposable {
  readonly groups: readonly string[];
  readonly space = new Workspace();
  /** Where keys and certificates are; undefined on loopback. */
  secrets: string | undefined;
  readonly #options: RaftClusterOptions;
  readonly #places = new Map<string, Place>();
  readonly #nodes = new Map<string, TestNode>();
  readonly #paused = new Set<string>();
  /** All lives of each. */
  readonly #lives = new Map<string, TestNode[]>();

  private constructor(options: RaftClusterOptions) {
    this.#options = options;
    this.groups = ["main", ...(options.groups ?? [])];
  }

  /** All of them, listening. */
  static async start(options: RaftClusterOptions): Promise<RaftCluster> {
    const cluster = new RaftCluster(options);
    try {
      await cluster.#findPlaces();
      await Promise.all(cluster.ids.map((id) => cluster.start(id)));
      return cluster;
    } catch (thrown) {
      await cluster[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get ids(): readonly string[] {
    return [...this.#places.keys()];
  }

  get running(): readonly string[] {
    return this.ids.filter((id) => this.#nodes.has(id));
  }

  get addresses(): readonly string[] {
    return this.ids.map((id) => this.addressOf(id));
  }

  addressOf(id: string): string {
    const { host, port } = this.#placeOf(id);
    return `${host}:${port}`;
  }

  /** Where a group's log lies. */
  directoryOf(id: string, group: string): string {
    return join(this.#placeOf(id).dataDir, "masters", id, group);
  }

  /** Resolves when it listens, or was killed meanwhile. Nothing when it runs already. Fails when it ends by itself. */
  async start(id: string): Promise<void> {
    if (this.#nodes.has(id)) return;
    const { dataDir, host, port, within } = this.#placeOf(id);
    const { args = [], groups = [] } = this.#options;
    const masters = this.ids.map((each) => `${each}=${this.addressOf(each)}`).join(",");
    const node = new TestNode(id, {
      dataDir,
      cwd: this.space.path,
      within,
      command: ["master", host, String(port), "--node-id", id, "--masters", masters],
      args: [
        ...["--log-format", "json"],
        ...(groups.length > 0 ? ["--groups", groups.join(",")] : []),
        ...(this.secrets === undefined ? [] : ["--secrets", this.secrets]),
        ...args,
      ],
    });
    this.#nodes.set(id, node);
    this.#lives.set(id, [...(this.#lives.get(id) ?? []), node]);
    const listens = node.address();
    listens.catch(() => {}); // of one that was killed nobody hears
    const ended = node.exited.then((code) => {
      if (this.#nodes.get(id) !== node) return; // we have killed it
      throw new Error(`${id} has ended with ${code}; it said:\n${node.stderr}`);
    });
    await Promise.race([listens, ended]);
    ended.catch(() => {}); // later ends are looked for by whoever asks it
  }

  /** Fails when one has ended that nobody has killed. */
  check(): void {
    for (const [id, node] of this.#nodes) {
      if (isGone(node.pid)) throw new Error(`${id} has ended by itself; it said:\n${node.stderr.slice(-4_000)}`);
    }
  }

  /** kill -9. */
  async kill(id: string): Promise<void> {
    await this.killTogether([id]);
  }

  /** kill -9 of all of these before any of them is waited for. */
  async killTogether(ids: readonly string[]): Promise<void> {
    const nodes = ids.flatMap((id) => this.#nodes.get(id) ?? []);
    for (const { name, pid } of nodes) {
      this.#nodes.delete(name);
      this.#paused.delete(name);
      killHard(pid);
    }
    await Promise.all(nodes.map(({ exited }) => exited));
  }

  /** It stands still, with all its connections open, until it is resumed. */
  pause(id: string): void {
    this.#nodes.get(id)?.signal("SIGSTOP");
    this.#paused.add(id);
  }

  resume(id: string): void {
    if (this.#paused.delete(id)) this.#nodes.get(id)?.signal("SIGCONT");
  }

  isPaused(id: string): boolean {
    return this.#paused.has(id);
  }

  /** How often it was started. */
  livesOf(id: string): number {
    return this.#lives.get(id)?.length ?? 0;
  }

  /** What a node has logged so far, in its lives from this one on. */
  logOf(id: string, fromLife = 0): readonly LogLine[] {
    const lines = (this.#lives.get(id) ?? []).slice(fromLife).flatMap(({ stderr }) => stderr.split("\n"));
    return lines.flatMap((line) => (line.startsWith("{") && line.endsWith("}") ? [JSON.parse(line) as LogLine] : []));
  }

  /** A client of its own, which asks this node first; with `isAlone` it asks no other. */
  client(first = 0, { isAlone = false, timeoutMs }: { isAlone?: boolean; timeoutMs?: number } = {}) {
    const at = first % this.addresses.length;
    const nodes = isAlone ? [this.addresses[at]!] : [...this.addresses.slice(at), ...this.addresses.slice(0, at)];
    return connectData({ nodes, dataDir: this.#placeOf(this.ids[0]!).dataDir, secrets: this.secrets, timeoutMs });
  }

  clientOf(id: string, timeoutMs?: number): Promise<DataClient> {
    return this.client(this.ids.indexOf(id), { isAlone: true, ...(timeoutMs !== undefined && { timeoutMs }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killTogether(this.running);
    this.space[Symbol.dispose]();
  }

  async #findPlaces(): Promise<void> {
    const { count, network } = this.#options;
    const ids = Array.from({ length: count }, (_, at) => `m${at + 1}`);
    if (network) await this.#makeSecrets(network);
    const ports = network ? ids.map(() => NETWORK_PORT) : await freePorts(count);
    for (const [at, id] of ids.entries()) {
      const where = network
        ? { host: network.address(at + 1), dataDir: this.space.at(id), within: network.on(at + 1) }
        : { host: "127.0.0.1", dataDir: this.space.at("state"), within: [] };
      mkdirSync(where.dataDir, { recursive: true, mode: 0o700 });
      this.#places.set(id, { id, port: ports[at]!, ...where });
    }
  }

  async #makeSecrets(network: TestNetwork): Promise<void> {
    const directory = this.space.at("secrets");
    const nodes = network.hosts.flatMap((host) => ["--node", `m${host}=${network.address(host)}`]);
    const made = await runProgram(["init", directory, ...nodes], { cwd: this.space.path });
    if (made.code !== 0) throw new Error(`init gave ${made.code}: ${made.stderr}`);
    this.secrets = directory;
  }

  #placeOf(id: string): Place {
    const place = this.#places.get(id);
    if (!place) throw new Error(`there is no master ${id}; there are ${this.ids.join(", ")}`);
    return place;
  }
}

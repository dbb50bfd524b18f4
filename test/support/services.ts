/**
 * Nodes with services, as people run them: real processes on one machine, asked over HTTP with tokens and by commands. They share a
 * data directory, so one token is good at all of them.
 */
import { type Client, clientOf } from "./http.ts";
import { TestNode, type TestNodeOptions, untilAgreed } from "./nodes.ts";
import { killHard } from "./processes.ts";
import { until } from "./until.ts";
import { Workspace } from "./workspace.ts";

export interface ServedNode extends Partial<TestNodeOptions> {
  /** Directories of the workspace; none: it runs no services of its own. */
  readonly services?: readonly string[];
}

export interface Place {
  readonly node: string;
  readonly service: string;
  readonly version: string;
  readonly tags: readonly string[];
  readonly healthy: number;
}

export class ServiceCluster implements AsyncDisposable {
  readonly space = new Workspace();
  readonly #nodes = new Map<string, TestNode>();
  readonly #addresses = new Map<string, string>();
  readonly #tokens = new Map<string, string>();

  /** Starts them one after the other, all knowing each other. */
  static async start(
    files: Readonly<Record<string, string>>,
    nodes: Readonly<Record<string, ServedNode>>,
  ): Promise<ServiceCluster> {
    const cluster = new ServiceCluster();
    try {
      for (const [name, text] of Object.entries(files)) cluster.space.write(name, text);
      for (const [name, options] of Object.entries(nodes)) await cluster.add(name, options);
      await untilAgreed([...cluster.#nodes.values()], Object.keys(nodes));
      return cluster;
    } catch (thrown) {
      await cluster[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Resolves when it listens. The first one is the seed of the others. */
  async add(name: string, { services = [], args = [], ...options }: ServedNode = {}): Promise<TestNode> {
    const chosen = services.length === 0 ? ["--no-services"] : services.flatMap((each) => ["--services", each]);
    const [seed] = this.#addresses.values();
    const joins = seed === undefined ? [] : ["--seeds", seed];
    const node = new TestNode(name, {
      ...{ dataDir: this.space.at("state"), cwd: this.space.path, ...options },
      args: [...chosen, ...joins, ...args],
    });
    this.#nodes.set(name, node);
    this.#addresses.set(name, await node.address());
    return node;
  }

  node(name: string): TestNode {
    return this.#nodes.get(name)!;
  }

  address(name: string): string {
    return this.#addresses.get(name)!;
  }

  /** Of that role; made once. */
  async token(role: string): Promise<string> {
    const known = this.#tokens.get(role);
    if (known !== undefined) return known;
    const token = (
      await this.tell("token", "create", "--role", role, "--node", [...this.#addresses.values()][0]!)
    ).trim();
    this.#tokens.set(role, token);
    return token;
  }

  /** Asks that node over HTTP. */
  async client(name: string, role = "operator"): Promise<Client> {
    return clientOf(this.address(name), await this.token(role));
  }

  /** A command, to its end; fails with what it said. */
  async tell(...words: readonly string[]): Promise<string> {
    const { code, stderr, stdout } = await this.space.exec(words);
    if (code !== 0) throw new Error(`${words.join(" ")} gave ${code}: ${stderr}`);
    return stdout;
  }

  /** Where that node knows the service to be offered. */
  async places(name: string, service: string): Promise<readonly Place[]> {
    const client = await this.client(name);
    const { body } = await client.rpc<{ places: readonly Place[] }>("services.discover", { service });
    return body.places;
  }

  /** All of the named nodes have a process of it that takes calls, and that node knows. */
  untilServed(name: string, service: string, ...nodes: readonly string[]): Promise<unknown> {
    return until(`${name} knows ${service} to be served by exactly ${nodes.join(", ") || "nobody"}`, async () => {
      const places = await this.places(name, service);
      const held = places.filter(({ healthy }) => healthy > 0).map((place) => place.node);
      return held.toSorted().join() === nodes.toSorted().join();
    });
  }

  /** kill -9; its hosts go with it. */
  async killHard(name: string): Promise<void> {
    const node = this.node(name);
    killHard(node.pid);
    await node.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node[Symbol.asyncDispose]()));
    this.space[Symbol.dispose]();
  }
}

/** One call after the other from each of several callers, until told to end. */
export class Load {
  /** What was answered, in the order in which it came. */
  readonly answers: unknown[] = [];
  /** `status code` of what failed. */
  readonly failures: string[] = [];
  readonly #client: Client;
  readonly #paramsOf: (call: number) => unknown;
  readonly #workers: readonly Promise<void>[];
  #calls = 0;
  #isOver = false;

  /** Each caller asks one of the methods. */
  constructor(
    client: Client,
    methods: readonly string[],
    callers: number,
    paramsOf: (call: number) => unknown = () => ({}),
  ) {
    this.#client = client;
    this.#paramsOf = paramsOf;
    this.#workers = Array.from({ length: callers }, (_, at) => this.#ask(methods[at % methods.length]!));
  }

  /** So many more answers than now. */
  more(count: number): Promise<unknown> {
    const wanted = this.answers.length + count;
    return until(`${count} more answers`, () => this.answers.length >= wanted);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#workers);
  }

  async #ask(method: string): Promise<void> {
    while (!this.#isOver) {
      try {
        const { body, status } = await this.#client.rpc<{ readonly code?: string }>(
          method,
          this.#paramsOf(this.#calls++),
        );
        if (status === 200) this.answers.push(body);
        else this.failures.push(`${status} ${body.code}`);
      } catch (thrown) {
        this.failures.push(`no answer: ${(thrown as Error).message}`); // fetch throws errors
        return; // nobody listens there any more
      }
    }
  }
}

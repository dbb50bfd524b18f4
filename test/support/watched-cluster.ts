/**
 * A cluster that has something to show: a master with a service, two workers, a pipeline that takes its time, and a run beside them. What
 * is asked of it goes on until the test opens the gate; then all that is left goes through at once.
 */
import type { Snapshot } from "../../src/app/overview/overview-contract.ts";
import { type Client, clientOf } from "./http.ts";
import { orders } from "./orders.ts";
import { PipelineCluster } from "./pipeline-cluster.ts";
import { perRecord, plugin } from "./plugins.ts";
import type { Program } from "./program.ts";
import { until } from "./until.ts";

/** Some minutes of work at the pace of the gate. */
const RECORDS = 20_000;
/** One record in so many is refused. */
const REFUSED_ONE_IN = 100;

/** Takes a moment for each batch until the gate is open. Not a sleep of the test: a slow stage is what it wants to see. */
const PACE = plugin({
  top: 'import { existsSync } from "node:fs";',
  params: '{ gate: param.string("a file", { required: true }) }',
  batch: "if (!existsSync(context.params.gate)) await Bun.sleep(150);",
});

const CHECK = perRecord(`if (row.id % ${REFUSED_ONE_IN} === 7) batch.reject(batch.index, "the number ends with 07");`);

const GREETER = `
  import { defineService, method } from "distributed-system/service";
  export default defineService({
    name: "greeter", version: "1.2.0",
    methods: { hello: method({ public: true, access: "read", handler: () => ({ pid: process.pid }) }) },
  });`;

export class WatchedCluster implements AsyncDisposable {
  readonly nodes: PipelineCluster;
  /** A run of the same stages, beside the nodes. */
  readonly run: Program;
  readonly #token: string;

  static async start(): Promise<WatchedCluster> {
    const nodes = new PipelineCluster();
    try {
      writeFiles(nodes);
      await nodes.master({ args: ["--services", nodes.space.at("offered")] });
      for (const name of ["worker1", "worker2"]) await nodes.worker(name);
      await nodes.untilWorkers("worker1", "worker2");
      await nodes.tell("submit", "orders.txt", "--fresh");
      const token = (await nodes.tell("token", "create", "--role", "operator")).stdout.trim();
      return new WatchedCluster(nodes, nodes.space.start(["run", "clicks.txt", "--fresh"]), token);
    } catch (thrown) {
      await nodes[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  private constructor(nodes: PipelineCluster, run: Program, token: string) {
    this.nodes = nodes;
    this.run = run;
    this.#token = token;
  }

  /** Where the page of that node is, with a token in it. */
  async page(node: string): Promise<string> {
    return `http://${await this.nodes.node(node).address()}/#token=${this.#token}`;
  }

  async client(node: string): Promise<Client> {
    return clientOf(await this.nodes.node(node).address(), this.#token);
  }

  /** With all of its parts: one that took too long on a busy machine is missing, and said to be, until a later look. */
  async look(node = "master"): Promise<Snapshot> {
    const client = await this.client(node);
    return until(`${node} shows all`, async () => {
      const { body } = await client.rpc<Snapshot>("overview.snapshot");
      return body.missing.length === 0 && body;
    });
  }

  at(name: string): string {
    return this.nodes.space.at(name);
  }

  /** The records of that output, once it has some that are so. */
  untilRecords(output: string, what: (record: Record<string, unknown>) => boolean) {
    const { space } = this.nodes;
    return until(`${output} has such records`, () => space.exists(output) && space.records(output).some(what));
  }

  openGate(): void {
    this.nodes.space.write("open", "");
  }

  /** Ids that the stage `check` lets through, in order. */
  static readonly passed = Array.from({ length: RECORDS }, (_, id) => id).filter((id) => id % REFUSED_ONE_IN !== 7);
  static readonly refused = RECORDS - WatchedCluster.passed.length;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run[Symbol.asyncDispose]();
    await this.nodes[Symbol.asyncDispose]();
  }
}

function writeFiles({ space }: PipelineCluster): void {
  space.write("in.ndjson", orders(RECORDS));
  space.write("pace.ts", PACE);
  space.write("mark.ts", perRecord("row.mark = 1;"));
  space.write("mark-2.ts", perRecord("row.mark = 2;"));
  space.write("check.ts", CHECK);
  space.write("offered/greeter.ts", GREETER);
  for (const name of ["orders", "clicks"]) {
    space.write(
      `${name}.txt`,
      [
        "set|batch_rows=20,lanes=1,in_flight=4,checkpoint_interval=100ms",
        `in|source:ndjson|path=${space.at("in.ndjson")}`,
        `pace|${space.at("pace.ts")}|gate=${space.at("open")}`,
        `mark|${space.at("mark.ts")}`,
        `check|${space.at("check.ts")}||true|DEAD_LETTER|0|5000`,
        `out|sink:ndjson|path=${space.at(`${name}.ndjson`)}`,
        "",
      ].join("\n"),
    );
  }
}

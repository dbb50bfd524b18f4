// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this
/** Task graphs on the workers of a master, with real processes: who does what, and what is left when one of them is killed. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { GATE } from "../support/plugins.ts";
import { until } from "../support/until.ts";

interface Request {
  readonly what: string;
  readonly key: string | null;
}

let server: Bun.Server<undefined>;
let requests: Request[] = [];
/** Requests to /slow and below wait for it. */
let gate = Promise.withResolvers<void>();
let cluster: PipelineCluster;

const WHO = `import { definePlugin } from "distributed-system";
export default definePlugin({
  info: { name: "who", version: "1.0.0", description: "says whose process it is in" },
  params: {},
  init() {},
  processBatch(batch) {
    for (const row of batch) row.parent = process.ppid;
  },
  cleanup() {},
});
`;

beforeAll(async () => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      requests.push({ what: `${request.method} ${pathname}`, key: request.headers.get("idempotency-key") });
      if (pathname.startsWith("/slow")) await gate.promise;
      return Response.json({ list: [{ n: 1 }, { n: 2 }] });
    },
  });
  cluster = await PipelineCluster.start(["worker1", "worker2"], { env: env() });
  cluster.space.write("who.ts", WHO);
});

beforeEach(() => {
  requests = [];
  gate = Promise.withResolvers();
});

afterAll(async () => {
  gate.resolve();
  await cluster[Symbol.asyncDispose]();
  await server.stop(true);
});

function env(): Record<string, string> {
  return { BASE: server.url.origin };
}

type Fields = Readonly<Record<string, unknown>>;

function graph(name: string, tasks: readonly Fields[], more: Fields = {}): string {
  return cluster.space.write(`${name}.json`, JSON.stringify({ name, env: ["BASE"], ...more, tasks }));
}

interface Shown {
  readonly run: string;
  readonly state: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly failed: readonly { readonly id: string; readonly reason: string }[];
  readonly report?: string;
}

async function run(...words: readonly string[]) {
  const ended = await cluster.ask("task", "run", ...words, "--on-master", "--json");
  if (!ended.stdout.startsWith("{")) throw new Error(`no report; exit code ${ended.code}: ${ended.stderr}`);
  return { code: ended.code, shown: JSON.parse(ended.stdout) as Shown };
}

/** The run's id. */
async function begin(file: string): Promise<string> {
  return (await cluster.tell("task", "run", file, "--on-master", "--detach")).stdout.trim();
}

async function show<T = Shown>(...words: readonly string[]): Promise<T> {
  return JSON.parse((await cluster.tell("task", "show", ...words, "--on-master", "--json")).stdout) as T;
}

function untilOver(id: string): Promise<Shown> {
  return until(`run ${id} is over`, async () => {
    const shown = await show(id);
    return shown.state !== "running" && shown.state !== "interrupted" && shown;
  });
}

function untilAsked(count: number): Promise<unknown> {
  return until(`${count} requests have come`, () => requests.length >= count);
}

const asked = (): string[] => requests.map(({ what }) => what).toSorted();

/** So that only the other one gets work. */
async function alone<T>(worker: string, other: string, act: () => Promise<T>): Promise<T> {
  await cluster.tell("drain", other);
  const result = await act();
  await cluster.tell("drain", other, "--off");
  await cluster.untilWorkers(worker, other);
  return result;
}

describe("task run --on-master", () => {
  test("uses both workers, and gives results of requests, plugins and pipelines to the tasks behind them", async () => {
    const { space } = cluster;
    space.write("in.ndjson", '{"id":1}\n{"id":2}\n{"id":3}\n');
    space.pipeline([]);
    const who = (id: string) => ({ id, type: "plugin", library: "who.ts", records: "${tasks.list.output.body.list}" });
    const file = graph(
      "all",
      [
        { id: "list", type: "GET", url: "${env.BASE}/list" },
        ...["a", "b", "c", "d"].map((id) => ({ ...who(id), needs: ["list"] })),
        { id: "copy", type: "pipeline", file: "pipeline.txt" },
        {
          id: "send",
          type: "PUT",
          url: "${env.BASE}/${tasks.a.output.records[1].n}/${tasks.copy.output.written}",
          needs: ["a", "b", "c", "d", "copy"],
        },
      ],
      { balancer: "ROUND_ROBIN" },
    );
    const { code, shown } = await run(file);
    expect(shown.failed).toEqual([]);
    expect(code).toBe(0);
    expect(asked()).toEqual(["GET /list", "PUT /2/3"]);
    expect(space.records("out.ndjson")).toHaveLength(3);
    const outputs = await Promise.all(
      ["a", "b", "c", "d"].map((id) => show<{ output: { records: { parent: number }[] } }>(shown.run, id)),
    );
    const parents = new Set(outputs.flatMap(({ output }) => output.records.map(({ parent }) => parent)));
    expect([...parents].toSorted()).toEqual([cluster.node("worker1").pid, cluster.node("worker2").pid].toSorted());
    const report = await cluster.report(shown.report!);
    expect(report).toMatchObject({ kind: "task", state: "ended", counts: { in: 7, done: 7, failed: 0 } });
    const nodes = report.nodes.map(({ node }) => node);
    expect(nodes.toSorted()).toEqual(["master", "worker1", "worker2"]);
  });

  test("runs several graphs at once, lists them, and ends with 1 when a task has failed", async () => {
    const files = ["left", "right"].map((name) =>
      graph(name, [
        { id: "one", type: "GET", url: "${env.BASE}/slow/one" },
        { id: "bad", type: "GET", url: "${env.BASE}/two", expect: 404, needs: ["one"] },
      ]),
    );
    const both = Promise.all(files.map((file) => run(file)));
    await untilAsked(2);
    const listed = await cluster.tell("task", "list", "--on-master", "--json");
    const running = (JSON.parse(listed.stdout) as { name: string; state: string }[]).filter(
      ({ state }) => state === "running",
    );
    expect(running.map(({ name }) => name).toSorted()).toEqual(["left", "right"]);
    gate.resolve();
    for (const { code, shown } of await both) {
      expect(code).toBe(1);
      expect(shown).toMatchObject({ state: "failed", counts: { done: 1, failed: 1 } });
      expect(shown.failed[0]!.reason).toContain("/two answered 200, expected 404");
    }
  });

  test("gives up what runs when it is cancelled, the pipeline of a task among it, and goes on with --resume", async () => {
    cluster.space.write("fifo.txt", "in|source:http|listen=127.0.0.1:0\nout|sink:ndjson|path=fifo.ndjson\n");
    const id = await begin(
      graph("cancelled", [
        { id: "quick", type: "GET", url: "${env.BASE}/quick" },
        { id: "slow", type: "POST", url: "${env.BASE}/slow/post", needs: ["quick"], idempotency_key: true },
        { id: "endless", type: "pipeline", file: "fifo.txt" },
      ]),
    );
    await untilAsked(2);
    await until("the pipeline runs", async () => (await cluster.pipeline("fifo"))?.state === "running");
    await cluster.tell("task", "cancel", id);
    expect((await show(id)).state).toBe("stopped");
    expect((await cluster.pipeline("fifo"))?.state).toBe("cancelled");
    cluster.space.write("fifo.txt", "in|source:ndjson|path=in.ndjson\nout|sink:ndjson|path=fifo.ndjson\n");
    gate.resolve();
    const { code } = await run("--resume", id);
    expect(code).toBe(0);
    expect(asked()).toEqual(["GET /quick", "POST /slow/post", "POST /slow/post"]);
  });

  test("lets go of the run on SIGINT, and it goes on", async () => {
    const file = graph("let-go", [{ id: "slow", type: "GET", url: "${env.BASE}/slow" }]);
    await using follower = cluster.space.start(["task", "run", file, "--on-master"]);
    await untilAsked(1);
    await follower.until("it follows", () => /run [\w-]+/.test(follower.stderr));
    follower.signal("SIGINT");
    const { code, stderr } = await follower.done;
    expect(code).toBe(130);
    const id = /task show (\S+) --on-master/.exec(stderr)![1]!;
    gate.resolve();
    expect((await untilOver(id)).state).toBe("done");
  });

  test("waits while no worker takes tasks", async () => {
    for (const worker of ["worker1", "worker2"]) await cluster.tell("drain", worker);
    const id = await begin(graph("waits", [{ id: "a", type: "POST", url: "${env.BASE}/a" }]));
    const counts = await until("the master has begun it", async () => (await show(id)).counts);
    expect(counts).toMatchObject({ pending: 1, running: 0 });
    for (const worker of ["worker1", "worker2"]) await cluster.tell("drain", worker, "--off");
    expect(await untilOver(id)).toMatchObject({ state: "done" });
    expect(asked()).toEqual(["POST /a"]);
  });

  test("refuses a graph with faults, and a run that it does not know", async () => {
    const faulty = await cluster.ask("task", "run", graph("faulty", [{ id: "a", type: "GET" }]), "--on-master");
    expect(faulty.code).toBe(78);
    expect(faulty.stderr).toContain("url");
    const unknown = await cluster.ask("task", "run", "--resume", "nothing", "--on-master");
    expect(unknown.stderr).toContain("there is no run nothing");
  });
});

describe("a worker", () => {
  test("that is killed loses nothing that may be repeated, and nothing else is repeated", async () => {
    const file = graph("killed", [
      { id: "get", type: "GET", url: "${env.BASE}/slow/get" },
      { id: "keyed", type: "POST", url: "${env.BASE}/slow/keyed", idempotency_key: true },
      { id: "pay", type: "POST", url: "${env.BASE}/slow/pay", retry: { max: 5, backoff: 1 } },
    ]);
    const id = await alone("worker1", "worker2", async () => {
      const begun = await begin(file);
      await untilAsked(3);
      return begun;
    });
    await cluster.killHard("worker1");
    await untilAsked(5);
    gate.resolve();
    const shown = await untilOver(id);
    expect(shown).toMatchObject({ state: "failed", counts: { done: 2, failed: 1 } });
    expect(shown.failed).toMatchObject([{ id: "pay" }]);
    expect(shown.failed[0]!.reason).toStartWith("worker worker1 was lost");
    expect(shown.failed[0]!.reason).toContain("not repeated");
    expect(asked()).toEqual([
      "GET /slow/get",
      "GET /slow/get",
      "POST /slow/keyed",
      "POST /slow/keyed",
      "POST /slow/pay",
    ]);
    expect(new Set(requests.filter(({ what }) => what.endsWith("keyed")).map(({ key }) => key)).size).toBe(1);
    const { events } = await cluster.report(shown.report!);
    expect(events).toMatchObject({ workersLost: 1, failovers: 2 });
    await cluster.worker("worker1");
    await cluster.untilWorkers("worker1", "worker2");
  });

  test("that is told to end finishes its tasks first, and gets no more", async () => {
    const tasks = [
      { id: "slow", type: "POST", url: "${env.BASE}/slow" },
      { id: "next", type: "POST", url: "${env.BASE}/next", needs: ["slow"] },
    ];
    const id = await alone("worker1", "worker2", async () => {
      const begun = await begin(graph("leaves", tasks));
      await untilAsked(1);
      return begun;
    });
    const worker = cluster.node("worker1");
    worker.signal("SIGTERM");
    await until("the master knows", async () => (await cluster.list()).workers.some(({ isDraining }) => isDraining));
    gate.resolve();
    expect(await untilOver(id)).toMatchObject({ state: "done", counts: { done: 2 } });
    expect(await worker.exited).toBe(0);
    expect(asked()).toEqual(["POST /next", "POST /slow"]);
    await cluster.worker("worker1");
    await cluster.untilWorkers("worker1", "worker2");
  });
});

test("a task waits for a worker, without a timeout and without an attempt, when all have been killed", async () => {
  const file = graph("alone", [{ id: "slow", type: "GET", url: "${env.BASE}/slow", timeout: "20s" }]);
  const id = await begin(file);
  await untilAsked(1);
  for (const worker of ["worker1", "worker2"]) await cluster.killHard(worker);
  await until("it waits", async () => (await show(id)).counts.waiting === 1);
  gate.resolve();
  await cluster.worker("worker1");
  await cluster.worker("worker2");
  expect(await untilOver(id)).toMatchObject({ state: "done", counts: { done: 1 } });
  expect(asked()).toEqual(["GET /slow", "GET /slow"]);
  await cluster.untilWorkers("worker1", "worker2");
});

describe("a master", () => {
  test("that is killed goes on by itself, and repeats nothing that is done and no POST without a key", async () => {
    const id = await begin(
      graph("master", [
        { id: "before", type: "POST", url: "${env.BASE}/before" },
        { id: "get", type: "GET", url: "${env.BASE}/slow/get", needs: ["before"] },
        { id: "pay", type: "POST", url: "${env.BASE}/slow/pay", needs: ["before"] },
        { id: "keyed", type: "POST", url: "${env.BASE}/slow/keyed", needs: ["before"], idempotency_key: true },
        { id: "after", type: "GET", url: "${env.BASE}/after/${tasks.before.output.status}", needs: ["get", "keyed"] },
      ]),
    );
    await untilAsked(4);
    await cluster.killHard("master");
    const keys = requests.filter(({ key }) => key !== null).map(({ key }) => key);
    requests = [];
    await cluster.master({ env: env() });
    await untilAsked(2);
    gate.resolve();
    const shown = await untilOver(id);
    expect(shown).toMatchObject({ state: "failed", counts: { done: 4, failed: 1 } });
    expect(shown.failed[0]!.reason).toStartWith("its outcome is unknown");
    expect(asked()).toEqual(["GET /after/200", "GET /slow/get", "POST /slow/keyed"]);
    expect(requests.filter(({ key }) => key !== null).map(({ key }) => key)).toEqual(keys);
    const { counts } = await cluster.report(shown.report!);
    expect(counts).toMatchObject({ in: 5, done: 4, failed: 1 });
  });

  test("that is killed in the middle of a task's pipeline goes on with it, and does not run it twice", async () => {
    const { space } = cluster;
    const all = Array.from({ length: 400 }, (_, id) => id);
    space.write("many.ndjson", orders(all.length));
    space.write("gate.ts", GATE);
    const held = `gate|gate.ts|gate=${space.at("held.open")},stop_at=200`;
    const settings = "set|batch_rows=20,in_flight=1,checkpoint_interval=10ms";
    const ends = ["in|source:ndjson|path=many.ndjson", held, "out|sink:ndjson|path=held.ndjson"];
    space.write("held.txt", `${[settings, ...ends].join("\n")}\n`);
    const id = await begin(
      graph("pipeline", [
        { id: "held", type: "pipeline", file: "held.txt" },
        { id: "told", type: "PUT", url: "${env.BASE}/${tasks.held.output.written}", needs: ["held"] },
      ]),
    );
    await until(
      "half of it is through",
      () => space.exists("held.ndjson") && space.records("held.ndjson").length >= 100,
    );
    await cluster.killHard("master");
    await cluster.master({ env: env() });
    space.write("held.open", "");
    expect(await untilOver(id)).toMatchObject({ state: "done", counts: { done: 2 } });
    expect(space.records("held.ndjson").map((record) => record.id)).toEqual(all);
    const { pipelines } = await cluster.list();
    expect(pipelines.filter(({ name }) => name === "held")).toHaveLength(1);
    expect(asked()).toEqual(["PUT /400"]);
  });

  test("that is told to end lets tasks finish, and goes on with the others when it starts again", async () => {
    const id = await begin(
      graph("told", [
        { id: "slow", type: "POST", url: "${env.BASE}/slow" },
        { id: "next", type: "GET", url: "${env.BASE}/next", needs: ["slow"] },
      ]),
    );
    await untilAsked(1);
    const master = cluster.node("master");
    master.signal("SIGTERM");
    await until("it says so", () => master.stderr.includes("leaving the cluster"));
    gate.resolve();
    expect(await master.exited).toBe(0);
    await cluster.master({ env: env() });
    expect(await untilOver(id)).toMatchObject({ state: "done", counts: { done: 2 } });
    expect(asked()).toEqual(["GET /next", "POST /slow"]);
  });
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this
/** `task` with real processes: requests, plugins, pipelines, kill -9 and going on, and what the commands show. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

interface Asked {
  readonly what: string;
  readonly key: string | null;
}

let server: Bun.Server<undefined>;
let asked: Asked[] = [];
/** Requests to /slow and below wait for it. */
let gate = Promise.withResolvers<void>();

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push({ what: `${request.method} ${pathname}`, key: request.headers.get("idempotency-key") });
      if (pathname.startsWith("/slow")) await gate.promise;
      if (pathname.startsWith("/fails")) return new Response("broken", { status: 500 });
      return Response.json({ path: pathname, list: [{ n: 1 }, { n: 2 }] });
    },
  });
});

beforeEach(() => {
  asked = [];
  gate = Promise.withResolvers();
});

afterAll(() => {
  gate.resolve();
  return server.stop(true);
});

const DOUBLE = `import { definePlugin, param } from "distributed-system";
export default definePlugin({
  info: { name: "double", version: "1.0.0", description: "multiplies n" },
  params: { by: param.integer("factor", { default: 2 }) },
  init() {},
  processBatch(batch, { params }) {
    for (const row of batch) {
      if (row.n === 13) batch.reject(batch.index, "unlucky");
      else row.n = Number(row.n) * params.by;
    }
  },
  cleanup() {},
});
`;

const SUM = `import { definePlugin } from "distributed-system";
let sum = 0;
export default definePlugin({
  info: { name: "sum", version: "1.0.0", description: "adds up" },
  params: {},
  init() {},
  processBatch(batch) {
    for (const row of batch) { sum += Number(row.n); batch.drop(batch.index); }
  },
  finish(batch) { batch.append({ sum }); },
  cleanup() {},
});
`;

/** Has its effect, and dies of it. */
const CHARGE = `import { appendFileSync } from "node:fs";
import { definePlugin, param } from "distributed-system";
export default definePlugin({
  info: { name: "charge", version: "1.0.0", description: "writes who is charged" },
  params: { file: param.string("where", { required: true }) },
  init() {},
  processBatch(batch, { params }) {
    for (const row of batch) appendFileSync(params.file, row.who + "\\n");
    process.exit(1);
  },
  cleanup() {},
});
`;

function graph(space: Workspace, tasks: readonly unknown[], more: Readonly<Record<string, unknown>> = {}): string {
  return space.write("graph.json", JSON.stringify({ name: "test", env: ["BASE"], ...more, tasks }));
}

const env = (): Record<string, string> => ({ BASE: server.url.origin });

interface Report {
  readonly run: string;
  readonly state: string;
  readonly counts: Record<string, number>;
  readonly failed: readonly { id: string; reason: string }[];
}

async function run(space: Workspace, ...words: string[]) {
  const ended = await space.exec(["task", "run", ...words, "--json"], { env: env() });
  if (!ended.stdout.startsWith("{")) throw new Error(`no report; exit code ${ended.code}: ${ended.stderr}`);
  return { code: ended.code, report: JSON.parse(ended.stdout) as Report };
}

async function show(space: Workspace, ...words: string[]) {
  const ended = await space.exec(["task", "show", ...words, "--json"]);
  return JSON.parse(ended.stdout) as {
    state: string;
    output?: unknown;
    tasks: { id: string; state: string; attempts: number }[];
  };
}

test("task run gives results of requests, plugins and pipelines to the tasks behind them", async () => {
  using space = new Workspace();
  space.write("double.ts", DOUBLE);
  space.write("in.ndjson", '{"id":1}\n{"id":2}\n');
  space.pipeline([]);
  const file = graph(space, [
    { id: "list", type: "GET", url: "${env.BASE}/list" },
    {
      id: "double",
      type: "plugin",
      library: "double.ts",
      params: { by: 3 },
      records: "${tasks.list.output.body.list}",
      needs: ["list"],
    },
    { id: "copy", type: "pipeline", file: "pipeline.txt" },
    {
      id: "send",
      type: "PUT",
      url: "${env.BASE}/${tasks.double.output.records[1].n}/${tasks.copy.output.written}",
      needs: ["double", "copy"],
    },
  ]);
  const { code, report } = await run(space, file);
  expect(report.failed).toEqual([]);
  expect(code).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual(["GET /list", "PUT /6/2"]);
  const shown = await show(space, report.run, "double");
  expect(shown).toMatchObject({
    state: "done",
    output: { records: [{ n: 3 }, { n: 6 }], rejected: [], counts: { in: 2, out: 2 } },
  });
});

test("task run calls a plugin's finish for each task's records alone, and says what a plugin rejects", async () => {
  using space = new Workspace();
  space.write("sum.ts", SUM);
  space.write("double.ts", DOUBLE);
  const sum = (id: string, ...numbers: number[]) => ({
    id,
    type: "plugin",
    library: "sum.ts",
    records: numbers.map((n) => ({ n })),
  });
  const unlucky = { id: "unlucky", type: "plugin", library: "double.ts", records: [{ n: 13 }, { n: 2 }] };
  const file = graph(space, [sum("a", 1, 2), sum("b", 10), sum("c"), unlucky]);
  const { report } = await run(space, file);
  expect(report.counts.done).toBe(4);
  const outputs = await Promise.all(["a", "b", "c", "unlucky"].map((id) => show(space, report.run, id)));
  expect(outputs.map(({ output }) => output)).toMatchObject([
    { records: [{ sum: 3 }] },
    { records: [{ sum: 10 }] },
    { records: [{ sum: 0 }] },
    { records: [{ n: 4 }], rejected: [{ reason: "unlucky", record: { n: 13 } }] },
  ]);
});

test("task run ends with 1 and says why when a required task has failed", async () => {
  using space = new Workspace();
  const file = graph(space, [
    { id: "bad", type: "GET", url: "${env.BASE}/fails", retry: { max: 2, backoff: 1 } },
    { id: "after", type: "GET", url: "${env.BASE}/after", needs: ["bad"] },
  ]);
  const ended = await space.exec(["task", "run", file], { env: env() });
  expect(ended.code).toBe(1);
  expect(asked).toHaveLength(3);
  expect(ended.stderr).toContain("/fails answered 500, expected 200-299: broken");
  expect(ended.stderr).toContain("skipped after: it needs bad, which has failed");
});

test("task run fails what a plugin throws, dies of or hangs in, and goes on with the others", async () => {
  using space = new Workspace();
  const misbehave = DOUBLE.replace(
    "for (const row of batch) {",
    `for (const row of batch) {
      if (row.do === "throw") throw new Error("no such luck");
      if (row.do === "exit") process.exit(3);
      if (row.do === "hang") for (;;);`,
  );
  space.write("wild.ts", misbehave);
  const wild = (what: string, more = {}) => ({
    id: what,
    type: "plugin",
    library: "wild.ts",
    records: [{ do: what, n: 1 }],
    ...more,
  });
  const file = graph(space, [
    wild("throw"),
    wild("exit"),
    wild("hang", { timeout: "1s" }),
    wild("fine", { retry: { max: 3, backoff: 10 } }),
  ]);
  const { code, report } = await run(space, file);
  expect(code).toBe(1);
  expect(report.counts).toMatchObject({ done: 1, failed: 3 });
  const reasons = Object.fromEntries(report.failed.map(({ id, reason }) => [id, reason]));
  expect(reasons.throw).toContain("no such luck");
  expect(reasons.exit).toContain("exited with code 3");
  expect(reasons.hang).toContain("it was not done within its timeout of 1.0 s");
});

test("task run does not repeat a plugin's task that is not idempotent", async () => {
  using space = new Workspace();
  space.write("charge.ts", CHARGE);
  const charge = (id: string, more = {}) => {
    const params = { file: space.at("charges") };
    return {
      id,
      type: "plugin",
      library: "charge.ts",
      params,
      records: [{ who: id }],
      retry: { max: 2, backoff: 1 },
      ...more,
    };
  };
  const file = graph(space, [charge("once", { idempotent: false }), charge("again")]);
  const { report } = await run(space, file);
  expect((await Bun.file(space.at("charges")).text()).split("\n").toSorted()).toEqual([
    "",
    "again",
    "again",
    "again",
    "once",
  ]);
  expect(report.failed.map(({ reason }) => reason)).toEqual([
    expect.stringContaining("not repeated: it is not idempotent"),
    expect.not.stringContaining("not repeated"),
  ]);
});

test("task run --resume after kill -9 repeats nothing that is done and no POST without a key", async () => {
  using space = new Workspace();
  const file = graph(space, [
    { id: "before", type: "POST", url: "${env.BASE}/before" },
    { id: "get", type: "GET", url: "${env.BASE}/slow/get", needs: ["before"] },
    { id: "pay", type: "POST", url: "${env.BASE}/slow/pay", needs: ["before"] },
    { id: "keyed", type: "POST", url: "${env.BASE}/slow/keyed", needs: ["before"], idempotency_key: true },
    { id: "after", type: "GET", url: "${env.BASE}/after/${tasks.before.output.status}", needs: ["get", "keyed"] },
  ]);
  await using first = space.start(["task", "run", file], { env: env() });
  await first.until("three requests hang", () => asked.length === 4);
  await first.killHard();
  const [listed] = JSON.parse((await space.exec(["task", "list", "--json"])).stdout) as { id: string; state: string }[];
  expect(listed?.state).toBe("interrupted");
  const keysBefore = asked.filter(({ key }) => key !== null);
  asked = [];
  gate.resolve();
  const { code, report } = await run(space, file, "--resume", listed!.id);
  expect(code).toBe(1);
  expect(asked.map(({ what }) => what).sort()).toEqual(["GET /after/200", "GET /slow/get", "POST /slow/keyed"]);
  expect(asked.filter(({ key }) => key !== null)).toEqual(keysBefore);
  expect(report.counts).toMatchObject({ done: 4, failed: 1 });
  expect(report.failed[0]).toMatchObject({ id: "pay" });
  expect(report.failed[0]!.reason).toStartWith("its outcome is unknown");
  const [line] = JSON.parse((await space.exec(["report", "--json"])).stdout) as [{ id: string }];
  const whole = JSON.parse((await space.exec(["report", line.id, "--json"])).stdout) as Record<string, unknown>;
  expect(whole).toMatchObject({ kind: "task", state: "failed", counts: { in: 5, done: 4, failed: 1 }, faults: [] });
});

test("task run --resume --retry-failed runs what failed and what was skipped, and refuses another graph", async () => {
  using space = new Workspace();
  const tasks = [
    { id: "a", type: "GET", url: "${env.BASE}/a" },
    { id: "bad", type: "GET", url: "${env.WHERE}/x", needs: ["a"] },
    { id: "b", type: "GET", url: "${env.BASE}/b", needs: ["bad"] },
  ];
  const file = graph(space, tasks, { env: ["BASE", "WHERE"] });
  const { report } = await run(space, file);
  expect(report.counts).toMatchObject({ done: 1, failed: 1, skipped: 1 });
  const ended = await space.exec(["task", "run", "--resume", report.run], { env: env() });
  expect(ended.stderr).toContain("has ended (failed)");
  const again = ["task", "run", "--resume", report.run, "--retry-failed"];
  const done = await space.exec(again, { env: { ...env(), WHERE: server.url.origin } });
  expect(done.code).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual(["GET /a", "GET /x", "GET /b"]);
  graph(space, tasks.slice(0, 1));
  const other = await space.exec(["task", "run", file, "--resume", report.run, "--retry-failed"], { env: env() });
  expect(other.stderr).toContain("has ended (done)");
});

test("task run drains on SIGTERM, and goes on from there", async () => {
  using space = new Workspace();
  const file = graph(space, [
    { id: "slow", type: "GET", url: "${env.BASE}/slow" },
    { id: "next", type: "GET", url: "${env.BASE}/next", needs: ["slow"] },
  ]);
  await using program = space.start(["task", "run", file, "--json"], { env: env() });
  await program.until("the request hangs", () => asked.length === 1);
  program.signal("SIGTERM");
  await program.until("it says so", () => program.stderr.includes("SIGTERM: finishing"));
  gate.resolve();
  const ended = await program.done;
  expect(ended.code).toBe(143);
  const report = JSON.parse(ended.stdout) as Report;
  expect(report).toMatchObject({ state: "stopped", counts: { done: 1, pending: 1 } });
  const { code } = await run(space, "--resume", report.run);
  expect(code).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual(["GET /slow", "GET /next"]);
});

test("two processes cannot work on one run", async () => {
  using space = new Workspace();
  const file = graph(space, [{ id: "slow", type: "GET", url: "${env.BASE}/slow" }]);
  await using program = space.start(["task", "run", file, "--json"], { env: env() });
  await program.until("the request hangs", () => asked.length === 1);
  const [listed] = JSON.parse((await space.exec(["task", "list", "--json"])).stdout) as { id: string; state: string }[];
  expect(listed?.state).toBe("running");
  const second = await space.exec(["task", "run", "--resume", listed!.id], { env: env() });
  expect(second.stderr).toContain("is under way in another process");
  gate.resolve();
  await until("the first one ends", () => !program.running);
});

test("task graph evaluates a TypeScript graph in a process of its own", async () => {
  using space = new Workspace();
  const file = space.write(
    "graph.ts",
    `import { defineTaskGraph } from "distributed-system";
console.log("what a program prints is not the graph");
export default defineTaskGraph({
  name: "made",
  tasks: [1, 2, 3].map((n) => ({ id: \`t\${n}\`, type: "GET", url: "http://127.0.0.1/", needs: n > 1 ? ["t1"] : [] })),
});
`,
  );
  const ended = await space.exec(["task", "graph", file, "--json"]);
  expect(JSON.parse(ended.stdout)).toMatchObject({
    name: "made",
    levels: [["t1"], ["t2", "t3"]],
    order: ["t1", "t2", "t3"],
  });
  const broken = space.write("broken.ts", "throw new Error('not today');\n");
  const failed = await space.exec(["task", "check", broken]);
  expect(failed.code).toBe(78);
  expect(failed.stderr).toContain("not today");
  const empty = await space.exec(["task", "check", space.write("empty.ts", "export const a = 1;\n")]);
  expect(empty.stderr).toContain("its default export is none");
});

test("task check finds missing files and ends with 78", async () => {
  using space = new Workspace();
  const ended = await space.exec(["task", "check", graph(space, [{ id: "p", type: "pipeline", file: "none.txt" }])]);
  expect(ended.code).toBe(78);
  expect(ended.stderr).toContain("none.txt, allowed: a file that exists");
  expect((await space.exec(["task", "check", "nowhere.json"])).code).toBe(66);
});

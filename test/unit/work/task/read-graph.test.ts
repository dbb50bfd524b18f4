// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this
import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatTaskFaults, type Json, readTaskGraph } from "../../../../src/work/task/index.ts";
import { faultsOf, get, graphOf, post, read } from "./support.ts";

const messages = (faults: readonly { message: string }[]): string[] => faults.map(({ message }) => message);

test("parseTaskGraph() reads every field of every kind of task", () => {
  const graph = graphOf(
    [
      {
        id: "a",
        type: "http",
        method: "PUT",
        url: "https://x.test/",
        headers: { Accept: "text/plain" },
        body: { n: 1 },
      },
      { id: "b", type: "POST", url: "http://x/", idempotency_key: "k", expect: [201, "4xx", "500-503"], timeout: "5s" },
      { id: "c", type: "plugin", library: "p.ts", params: { n: 1 }, records: [{ n: 1 }], needs: ["a"], retry: 2 },
      {
        id: "d",
        type: "pipeline",
        file: "d.txt",
        needs: [{ task: "a", optional: true }],
        retry: { max: 1, backoff: "1s", backoff_max: "2s" },
      },
    ],
    { parallel: 3, balancer: "LEAST_LOAD", timeout: "1h", on_failure: "stop", env: ["HOME"] },
  );
  const retry = { retriesMax: 0, initialMs: 1_000, maxMs: 60_000 };
  expect(graph).toMatchObject({
    name: "test",
    parallel: 3,
    balancer: "LEAST_LOAD",
    timeoutMs: 3_600_000,
    onFailure: "stop",
  });
  expect(graph.env).toEqual(["HOME"]);
  expect(graph.tasks.map(({ id, needs, retry, timeoutMs }) => ({ id, needs, retry, timeoutMs }))).toEqual([
    { id: "a", needs: [], retry, timeoutMs: 60_000 },
    { id: "b", needs: [], retry, timeoutMs: 5_000 },
    { id: "c", needs: [{ task: 0, optional: false }], retry: { ...retry, retriesMax: 2 }, timeoutMs: 60_000 },
    {
      id: "d",
      needs: [{ task: 0, optional: true }],
      retry: { retriesMax: 1, initialMs: 1_000, maxMs: 2_000 },
      timeoutMs: 86_400_000,
    },
  ]);
  const http = { type: "http", responseBytesMax: 2 ** 20 };
  expect(graph.tasks.map(({ work }) => work)).toEqual([
    {
      ...http,
      method: "PUT",
      url: "https://x.test/",
      headers: { Accept: "text/plain" },
      body: { n: 1 },
      expect: [[200, 299]],
    },
    {
      ...http,
      method: "POST",
      url: "http://x/",
      headers: {},
      idempotencyKey: "k",
      expect: [
        [201, 201],
        [400, 499],
        [500, 503],
      ],
    },
    { type: "plugin", library: "/graphs/p.ts", params: { n: 1 }, records: [{ n: 1 }] },
    { type: "pipeline", file: "/graphs/d.txt" },
  ] as never);
});

test("parseTaskGraph() reads keys, and whether a plugin's task may be done twice", () => {
  const plugin = { type: "plugin", library: "p.ts" };
  const { tasks } = graphOf([
    get("a", [], { key: "customer 7" }),
    { ...plugin, id: "b", key: "${tasks.a.output.body.customer}", needs: ["a"], idempotent: false },
  ]);
  expect(tasks.map(({ key }) => key)).toEqual(["customer 7", "${tasks.a.output.body.customer}"]);
  expect(tasks[1]!.work).toMatchObject({ idempotent: false });
  const faults = faultsOf([
    get("a", [], { key: "", idempotent: false }),
    { ...plugin, id: "b", key: "${tasks.a.output}", idempotent: "no" },
    { id: "c", type: "pipeline", file: "c.txt", key: "k" },
  ]);
  expect(faults.map(({ field, message }) => `${field}: ${message}`)).toEqual([
    'tasks[0].key: key is ""',
    'tasks[0].idempotent: a task of type GET has no field "idempotent"',
    "tasks[1].key: ${tasks.a.output}: task b does not need a, which may not have run by then",
    'tasks[1].idempotent: idempotent is "no"',
    'tasks[2].key: a task of type pipeline has no field "key"',
  ]);
});

test("parseTaskGraph() reports every fault at its place in one go", async () => {
  const text = `{
  "name": "orders", "paralel": 4,
  "tasks": [
    { "id": "a", "type": "GTE", "url": "http://x/" },
    { "id": "b", "type": "http", "method": "get", "url": "ftp://x/", "needs": ["c", "aa"] },
    { "id": "c", "type": "GET", "url": "http://x/", "needs": ["b"], "id": "c" },
    { "id": "a", "type": "plugin", "records": [1] },
    7
  ]
}`;
  const { faults, graph } = read(text);
  expect(graph).toBeUndefined();
  const shown = `${formatTaskFaults(faults, text)}\n`;
  const golden = Bun.file(`${import.meta.dir}/faulty.golden`);
  if (process.env.UPDATE_GOLDEN === "1") await golden.write(shown);
  expect(shown).toBe(await golden.text());
});

test("parseTaskGraph() names a cycle with its whole path, in the order of running", () => {
  const faults = faultsOf([get("a", ["c"]), get("b", ["a"]), get("c", ["b"]), get("d", ["c"]), get("self", ["self"])]);
  expect(messages(faults)).toEqual([
    "the tasks wait for each other: a → b → c → a",
    "the tasks wait for each other: self → self",
  ]);
});

test("parseTaskGraph() says where a text stops being JSON", () => {
  const { faults } = read('{\n  "name": "x",\n  "tasks": [,]\n}');
  expect(faults).toMatchObject([{ code: "task.config.syntax", line: 3, column: 13 }]);
  expect(read("").faults[0]?.message).toBe("this is no JSON: the file ends where a value is required");
  expect(read('{"a": 1} x').faults[0]?.message).toContain("where the end of the file is required");
  expect(read("[".repeat(100)).faults[0]?.message).toBe("more than 64 levels of nesting");
});

test("parseTaskGraph() guesses what was meant", () => {
  const faults = faultsOf([get("checkout"), get("b", ["chekout"]), get("c", [], { tiemout: 1 })], {
    on_failure: "stopp",
  });
  expect(faults.map(({ suggestion }) => suggestion)).toEqual(["stop", "checkout", "timeout"]);
});

test("parseTaskGraph() refuses a reference to a task that need not have run", () => {
  const refer = (needs: Json[]): Json[] => [
    get("a"),
    get("b", ["a"]),
    get("c", needs, { headers: { x: "${tasks.a.output.status}" } }),
  ];
  expect(faultsOf(refer(["a"]))).toEqual([]);
  expect(faultsOf(refer(["b"]))).toEqual([]);
  expect(messages(faultsOf(refer([])))).toEqual([
    "${tasks.a.output.status}: task c does not need a, which may not have run by then",
  ]);
});

test("parseTaskGraph() refuses references that are none, unknown tasks and variables that nobody named", () => {
  const faulty = (url: string): string[] => messages(faultsOf([get("a", [], { url })], { env: ["BASE_URL"] }));
  expect(faulty("${tasks.b.output}")).toEqual(["${tasks.b.output}: there is no task b"]);
  expect(faulty("${env.BASE}")).toEqual(["${env.BASE}: BASE is not among the variables that the graph names in env"]);
  expect(faulty("http://x/${task.a.output}")).toEqual(['${task.a.output}: "task.a.output" is no reference']);
  expect(faulty("http://x/${tasks.a.output")).toEqual(["${: it is never closed by }"]);
  expect(faulty("http://x/${env.BASE_URL ?? nope}")).toEqual(["${env.BASE_URL ?? nope}: what follows ?? is no JSON"]);
});

test("parseTaskGraph() refuses headers that would break the request or carry what is not theirs", () => {
  const headers = { "a b": "x", ok: "x\r\ny: z", Host: "h", "Idempotency-Key": "k", n: 1 };
  expect(messages(faultsOf([post("a", [], { headers })]))).toEqual([
    '"a b" is no header name',
    'the header is "x\\r\\ny: z"',
    "Host cannot be set here",
    "Idempotency-Key cannot be set here",
    "the header is 1",
  ]);
});

test("parseTaskGraph() counts the faults that it does not show", () => {
  const faults = faultsOf(Array.from({ length: 300 }, (_, index) => get(`t${index}`, ["nobody"])));
  expect(faults).toHaveLength(101);
  expect(faults.at(-1)?.message).toBe("200 more faults than the 100 that are shown");
});

test("readTaskGraph() reports places as paths when there is no text", () => {
  const { faults } = readTaskGraph({ name: "x", tasks: [{ id: "a" }] }, { file: "x.ts", resolvePath: (path) => path });
  expect(formatTaskFaults(faults)).toBe("x.ts: tasks[0]: type is missing, allowed: type: http, plugin, pipeline");
});

test("parseTaskGraph() never throws, whatever JSON it is given", () => {
  fc.assert(
    fc.property(fc.json(), fc.jsonValue(), (text, task) => {
      read(text);
      read(JSON.stringify({ name: "x", tasks: [task, { id: "a", type: "GET", ...(task as object) }] }));
    }),
    { numRuns: 300 },
  );
});

test("parseTaskGraph() agrees with JSON.parse about what is JSON", () => {
  const edited = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, put]) => {
    const cut = at % (text.length + 1);
    return text.slice(0, cut) + put + text.slice(cut + put.length);
  });
  fc.assert(
    fc.property(edited, (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      expect(read(text).faults.some(({ code }) => code === "task.config.syntax")).toBe(!isJson);
    }),
    { numRuns: 1_000 },
  );
});

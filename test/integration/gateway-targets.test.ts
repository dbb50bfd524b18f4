/**
 * Targets that are no addresses, with real processes: a service, a pipeline and a task graph behind a gateway. What was answered with 202
 * is in the pipeline's output once, whatever is killed meanwhile.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { freePort } from "../support/free-port.ts";
import { MasterGroup } from "../support/master-group.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { plugin } from "../support/plugins.ts";
import { until } from "../support/until.ts";
import type { Workspace } from "../support/workspace.ts";

const ACCOUNTS = `
  import { defineService, method, z } from "distributed-system/service";
  export default defineService({
    name: "accounts", version: "1.0.0",
    methods: {
      balance: method({
        public: true, idempotent: true,
        input: z.object({ account: z.string(), days: z.number().optional() }),
        handler: ({ account, days }) => ({ account, days }),
      }),
      ticks: method({ public: true, stream: true, handler: async function* () { for (let n = 0; n < 3; n++) yield { n }; } }),
    },
  });`;

const ROUTES = [
  "route|balance|GET /accounts/{account}/balance|service://accounts.balance",
  "route|deposit|POST /accounts/{account}|service://accounts.balance",
  "route|ticks|GET /ticks|service://accounts.ticks",
  "route|nobody|/nobody|service://nobody.method",
  "route|orders|/orders|pipeline://orders|timeout=20s",
  "route|small|/small|pipeline://orders|max_body=64",
  "route|files|POST /files|pipeline://files",
  "route|alone|POST /alone|pipeline://alone",
  "route|unknown|POST /unknown|pipeline://unknown",
  "route|begin|/begin|task://graph.json",
];

const linesOf = (own: number): readonly string[] => [
  "set|batch_rows=20,checkpoint_interval=50ms",
  `in|source:http|listen=127.0.0.1:${own},path=/own,max_body=1MiB`,
  "pass|pass.ts|",
  "out|sink:ndjson|path=out.ndjson",
];

const NDJSON = { "content-type": "application/x-ndjson" };
const SENDERS = 6;
const ROUNDS = 2;
const RECORDS_PER_POST = 3;

let cluster: PipelineCluster;
let port: number;

const url = (path: string): string => `http://127.0.0.1:${port}${path}`;

async function gateway(nodes = cluster, joined = cluster.address, at = port): Promise<void> {
  const node = nodes.add("gateway", {
    dataDir: nodes.space.at("state"),
    command: ["gateway", "127.0.0.1", String(at)],
    args: ["--config", "gateway.txt", "--join", joined, "--services", "services"],
  });
  await node.hears("gateway");
}

function post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url(path), { method: "POST", body: body as string, headers: { ...NDJSON, ...headers }, proxy: "" });
}

async function problem(reply: Response): Promise<{ readonly code: string; readonly detail?: string }> {
  return (await reply.json()) as { code: string }; // all answers of this program that are none have one
}

async function submitted(name: string, lines: readonly string[]): Promise<void> {
  cluster.space.write(`${name}.txt`, `${lines.join("\n")}\n`);
  await cluster.tell("submit", cluster.space.at(`${name}.txt`));
}

function ids(space = cluster.space, name = "out.ndjson"): string[] {
  return space.exists(name) ? space.records(name).map(({ id }) => String(id)) : [];
}

function writeGraph(path: string): void {
  const tasks = [{ id: "a", type: "GET", url: url(path) }];
  cluster.space.write("graph.json", JSON.stringify({ name: "graph", tasks }));
}

beforeAll(async () => {
  port = freePort();
  cluster = await PipelineCluster.start(["worker1"]);
  const { space } = cluster;
  space.write("services/accounts.ts", ACCOUNTS);
  space.write("gateway.txt", `${ROUTES.join("\n")}\n`);
  space.write("pass.ts", plugin({}));
  space.write("in.ndjson", "");
  writeGraph("/ticks");
  await submitted("orders", linesOf(freePort()));
  await gateway();
  await cluster.untilState("orders", "running");
});

afterAll(() => cluster[Symbol.asyncDispose]());

describe("service://", () => {
  test("gives fields of path, query and body to the method, and its result to the client", async () => {
    const asked = () => fetch(url("/accounts/7/balance?days=3"), { proxy: "" });
    const first = await until("the service answers", async () => {
      const reply = await asked();
      return reply.status === 200 ? reply : undefined;
    });
    expect(await first.json()).toEqual({ account: "7", days: 3 });
    const deposit = await post("/accounts/8", '{"days":2,"account":"9"}', { "content-type": "application/json" });
    expect(await deposit.json()).toEqual({ account: "8", days: 2 });
  });

  test("passes a stream on as it comes", async () => {
    const lines = await (await fetch(url("/ticks"), { proxy: "" })).text();
    expect(lines).toBe('{"n":0}\n{"n":1}\n{"n":2}\n');
  });

  test("refuses what the method does not take, and services that are not there", async () => {
    const wrong = await fetch(url("/accounts/7/balance?days=many"), { proxy: "" });
    expect([wrong.status, (await problem(wrong)).code]).toEqual([400, "rpc.invalid_input"]);
    const text = await post("/accounts/8", "hello", { "content-type": "text/plain" });
    expect(text.status).toBe(415);
    const nobody = await fetch(url("/nobody"), { proxy: "" });
    expect([nobody.status, nobody.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await nobody.text()).not.toContain("accounts"); // what else there is is nobody's business outside
  });
});

describe("pipeline://", () => {
  test("answers 202 when the records are durable, the same again for the same key, and takes gzip and JSON", async () => {
    const key = { "idempotency-key": "first" };
    const first = await post("/orders", '{"id":"a1"}\n{"id":"a2"}\n', key);
    const receipt = await first.json();
    expect([first.status, receipt]).toEqual([202, { accepted: true, records: 2, position: expect.any(Number) }]);
    const again = await post("/orders", '{"id":"a1"}\n{"id":"a2"}\n', key);
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
    expect(await again.json()).toEqual(receipt);
    const other = await post("/orders", '{"id":"a3"}\n', key);
    expect([other.status, (await problem(other)).code]).toEqual([422, "source.http.key_reused"]);
    const json = await post("/orders", '[{"id":"a4"}]', { "content-type": "application/json" });
    const packed = await post("/orders", Bun.gzipSync(Buffer.from('{"id":"a5"}\n')), { "content-encoding": "gzip" });
    expect([json.status, packed.status]).toEqual([202, 202]);
    await until("all of it is written", () => ids().length >= 4);
    expect(ids().toSorted()).toEqual(["a1", "a2", "a4", "a5"]);
  });

  test("refuses what the source refuses, other verbs, and bodies that are too large", async () => {
    const statuses = await Promise.all(
      [
        post("/orders", "no record\n"),
        post("/orders", "{}", { "content-type": "text/html" }),
        fetch(url("/orders"), { proxy: "" }),
        post("/orders", Buffer.alloc(1024 * 1024 + 1, 32)),
        post("/small", Buffer.alloc(65, 32)),
      ].map(async (asked) => (await asked).status),
    );
    expect(statuses).toEqual([400, 415, 405, 413, 413]);
  });

  test("says of a pipeline that is not there, has no source:http or is paused what it is", async () => {
    await submitted("files", ["in|source:ndjson|path=in.ndjson", "pass|pass.ts|", "out|sink:ndjson|path=other.ndjson"]);
    await cluster.untilState("files", "ended");
    const told = async (path: string) => {
      const reply = await post(path, '{"id":"x"}\n');
      const { code, detail } = await problem(reply);
      return [reply.status, code, detail, reply.headers.get("retry-after")];
    };
    expect(await told("/unknown")).toEqual([404, "gateway.pipeline_unknown", "there is no such pipeline", null]);
    expect(await told("/files")).toEqual([404, "gateway.pipeline_over", "the pipeline has come to its end", null]);
    await cluster.tell("pause", "orders");
    expect(await told("/orders")).toEqual([503, "gateway.pipeline_paused", "the pipeline is paused", "1"]);
    await cluster.tell("resume", "orders");
    expect((await post("/orders", '{"id":"resumed"}\n')).status).toBe(202); // waited for while it starts
  });
});

test("pipeline:// hands records to a run of this machine, with the gateway's data directory", async () => {
  const { space } = cluster;
  space.write(
    "alone.txt",
    `in|source:http|listen=127.0.0.1:${freePort()}\npass|pass.ts|\nout|sink:ndjson|path=alone.ndjson\n`,
  );
  await using run = space.start(["run", "alone.txt", "--json"]);
  const reply = await run.until("it takes records", async () => {
    const answered = await post("/alone", '{"id":"b1"}\n', { "idempotency-key": "b" });
    return answered.status === 202 && answered;
  });
  expect(await reply.json()).toMatchObject({ accepted: true, records: 1 });
  const again = await post("/alone", '{"id":"b1"}\n', { "idempotency-key": "b" });
  expect(again.headers.get("idempotent-replayed")).toBe("true");
  await run.until("it is written", () => ids(space, "alone.ndjson").length > 0);
  expect(ids(space, "alone.ndjson")).toEqual(["b1"]);
});

describe("task://", () => {
  test("begins a run and says which; nothing else is taken", async () => {
    const reply = await fetch(url("/begin"), { method: "POST", proxy: "" });
    const { run } = (await reply.json()) as { run: string };
    expect(reply.status).toBe(202);
    const { stdout } = await cluster.tell("task", "list", "--on-master", "--json");
    expect(stdout).toContain(run);
    const keyed = { method: "POST", proxy: "", headers: { "idempotency-key": "k1" } };
    const same = await Promise.all([1, 2, 3].map(async () => (await fetch(url("/begin"), keyed)).json()));
    expect(same).toEqual([same[0], same[0], same[0]]);
    expect(same[0]).not.toEqual({ run });
    writeGraph("/other");
    const reused = await fetch(url("/begin"), keyed);
    expect([reused.status, await problem(reused)]).toMatchObject([422, { code: "task.run.key_reused", data: same[0] }]);
    writeGraph("/ticks");
    expect(await (await fetch(url("/begin"), keyed)).json()).toEqual(same[0]);
    const refused = [await fetch(url("/begin"), { proxy: "" }), await post("/begin", "{}")];
    expect(refused.map(({ status }) => status)).toEqual([405, 400]);
    expect(refused[0]!.headers.get("allow")).toBe("POST");
  });
});

/** Posts until told to end. With keys each post is repeated until it is acknowledged; without, each is sent once. */
class Sender {
  readonly acknowledged: string[] = [];
  readonly #url: string;
  readonly #name: string;
  readonly #hasKeys: boolean;
  #isEnding = false;
  readonly #done: Promise<void>;

  constructor(at: string, name: string, hasKeys: boolean) {
    this.#url = at;
    this.#name = name;
    this.#hasKeys = hasKeys;
    this.#done = this.#run();
  }

  end(): Promise<void> {
    this.#isEnding = true;
    return this.#done;
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#isEnding; number++) {
      const own = Array.from({ length: RECORDS_PER_POST }, (_, at) => `${this.#name}-${number}-${at}`);
      const body = own.map((id) => `${JSON.stringify({ id })}\n`).join("");
      const key = `${this.#name}-${number}`;
      let isTaken = await this.#isTaken(body, key);
      if (!isTaken && this.#hasKeys) isTaken = await until(`${key} is taken`, () => this.#isTaken(body, key));
      if (isTaken) this.acknowledged.push(...own);
    }
  }

  async #isTaken(body: string, key: string): Promise<boolean> {
    const headers = this.#hasKeys ? { "idempotency-key": key } : {};
    const init = { method: "POST", body, headers: { ...NDJSON, ...headers }, proxy: "" };
    const reply = await fetch(this.#url, init).catch(() => undefined);
    await reply?.body?.cancel();
    if (reply && ![202, 429, 503].includes(reply.status)) throw new Error(`${key}: ${reply.status}`);
    return reply?.status === 202;
  }
}

/** While they post `kills` is carried out; then all that was acknowledged is in the output, and nothing twice. */
async function expectOnce(space: Workspace, at: string, kills: (more: () => Promise<unknown>) => Promise<void>) {
  const senders = Array.from({ length: SENDERS }, (_, number) => new Sender(at, `s${number}`, number % 2 === 0));
  const acknowledged = (): string[] => senders.flatMap((sender) => sender.acknowledged);
  const more = () => {
    const before = acknowledged().length;
    return until("more is acknowledged", () => acknowledged().length > before + 100);
  };
  await more();
  await kills(more);
  await more();
  await Promise.all(senders.map((sender) => sender.end()));
  const all = new Set(acknowledged());
  await until("all of it is written", () => all.isSubsetOf(new Set(ids(space))));
  const count = new Map<string, number>();
  for (const id of ids(space)) count.set(id, (count.get(id) ?? 0) + 1);
  expect([...count].filter(([, times]) => times > 1)).toEqual([]);
}

describe("what a gateway acknowledged for a pipeline is in the output once", () => {
  test("when gateway and master are killed", async () => {
    await expectOnce(cluster.space, url("/orders"), async (more) => {
      for (let round = 0; round < ROUNDS; round++) {
        await cluster.killHard("gateway");
        await gateway();
        await more();
        await cluster.killHard("master");
        await cluster.master();
      }
    });
  });

  test("when the master that leads is killed and another one goes on", async () => {
    await using group = await MasterGroup.of(3, ["worker1"]);
    const { space } = group;
    space.write("pass.ts", plugin({}));
    space.write("services/accounts.ts", ACCOUNTS);
    space.write("gateway.txt", "route|orders|/orders|pipeline://orders\n");
    space.write("orders.txt", linesOf(freePort()).join("\n"));
    const first = await group.untilLed();
    await group.tell("submit", space.at("orders.txt"), ...group.at(first));
    const at = freePort();
    const joined = group.ids.map((id) => group.at(id)[1]).join(",");
    await gateway(group, joined, at);
    await expectOnce(space, `http://127.0.0.1:${at}/orders`, async () => {
      await group.killHard(first);
      await group.untilLed(first);
    });
  });
});

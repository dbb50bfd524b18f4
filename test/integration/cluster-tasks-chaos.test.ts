// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this
/**
 * Many tasks while workers and the master are killed: each task that may be repeated is done, with one idempotency key; no other
 * one is sent twice, and what is not known of those is said.
 */
import { expect, test } from "bun:test";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { until } from "../support/until.ts";

const TASKS = 900;
/** Requests at which somebody is killed, and who. */
const KILLS: readonly (readonly [atRequests: number, who: string])[] = [
  [150, "worker1"],
  [300, "master"],
  [450, "worker2"],
];
/** What the server takes: so that there is always something under way. */
const WORK_MS = 15;

const DOUBLE = `import { definePlugin } from "distributed-system";
export default definePlugin({
  info: { name: "double", version: "1.0.0", description: "doubles n" },
  params: {},
  init() {},
  processBatch(batch) {
    for (const row of batch) row.n = Number(row.n) * 2;
  },
  cleanup() {},
});
`;

type Kind = "get" | "keyed" | "pay" | "plugin";
const KINDS: readonly Kind[] = ["get", "keyed", "pay", "plugin"];

function tasks(): unknown[] {
  return Array.from({ length: TASKS }, (_, number) => {
    const kind = KINDS[number % KINDS.length]!;
    const id = `${kind}-${number}`;
    const needs =
      number < 40 ? [] : [{ task: `${KINDS[(number - 40) % KINDS.length]}-${number - 40}`, optional: true }];
    if (kind === "plugin") {
      return {
        id,
        needs,
        type: "plugin",
        library: "double.ts",
        records: [{ n: number }],
        retry: { max: 9, backoff: 20 },
      };
    }
    const url = `\${env.BASE}/${id}`;
    if (kind === "get") return { id, needs, type: "GET", url };
    return { id, needs, type: "POST", url, ...(kind === "keyed" && { idempotency_key: true }) };
  });
}

interface Shown {
  readonly state: string;
  readonly report: string;
  readonly tasks: readonly { readonly id: string; readonly state: string; readonly reason?: string }[];
}

test("task graphs survive kill -9 of workers and of the master", async () => {
  const sent = new Map<string, (string | null)[]>();
  let requests = 0;
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const id = new URL(request.url).pathname.slice(1);
      sent.set(id, [...(sent.get(id) ?? []), request.headers.get("idempotency-key")]);
      requests++;
      await Bun.sleep(WORK_MS);
      return Response.json({ id });
    },
  });
  const env = { BASE: server.url.origin };
  await using cluster = await PipelineCluster.start(["worker1", "worker2"], { env });
  cluster.space.write("double.ts", DOUBLE);
  const text = JSON.stringify({ name: "chaos", env: ["BASE"], parallel: 16, tasks: tasks() });
  const begun = await cluster.tell("task", "run", cluster.space.write("g.json", text), "--on-master", "--detach");
  const run = begun.stdout.trim();
  for (const [atRequests, who] of KILLS) {
    await until(`${atRequests} requests have come`, () => requests >= atRequests);
    await cluster.killHard(who);
    await (who === "master" ? cluster.master({ env }) : cluster.worker(who));
  }
  const shown = await until("the run is over", async () => {
    const { stdout } = await cluster.tell("task", "show", run, "--on-master", "--json");
    const now = JSON.parse(stdout) as Shown;
    return now.state !== "running" && now.state !== "interrupted" && now;
  });

  for (const { id, reason = "", state } of shown.tasks) {
    const keys = sent.get(id) ?? [];
    if (id.startsWith("pay-")) {
      expect({ id, sent: keys.length <= 1, known: state === "done" ? keys.length === 1 : reason }).toEqual({
        id,
        sent: true,
        known: state === "done" ? true : expect.stringContaining("outcome is unknown"),
      });
      continue;
    }
    expect({ id, state, reason }).toEqual({ id, state: "done", reason: "" });
    if (!id.startsWith("plugin-")) expect({ id, keys: new Set(keys).size }).toEqual({ id, keys: 1 });
  }
  const done = shown.tasks.filter(({ state }) => state === "done").length;
  expect(await cluster.report(shown.report)).toMatchObject({ counts: { in: TASKS, done, failed: TASKS - done } });
});

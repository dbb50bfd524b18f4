/**
 * Three masters in a group, two workers, a pipeline with a state and order, and a graph of tasks: whoever leads is killed, told to end, and
 * stopped for so long that another one leads. The output is that of `run`, byte for byte, and what is done is not done again.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { MasterGroup } from "../support/master-group.ts";
import { orders } from "../support/orders.ts";
import { GATE, plugin } from "../support/plugins.ts";
import { until } from "../support/until.ts";

const ORDERS = 2_400;
/** Three kills, an end in order, a stop. */
const FAULTS = 5;
/** Of the output, before each fault; the run cannot end before the last one, because of the gate behind it. */
const EACH = 400;
const TEST_TIMEOUT_MS = 120_000;
/** Far longer than an election takes. */
const STOPPED_MS = 2_000;

/** Counts records and takes its time: wrong as soon as one is lost, doubled, or comes out of order. */
const SUM = plugin({
  batch: "await Bun.sleep(8); for (const row of batch) row.n = ++n;",
  top: "let n = 0;",
  snapshot: "return new TextEncoder().encode(String(n));",
  restore: "n = Number(new TextDecoder().decode(state));",
  sequential: true,
});

interface Step {
  readonly path: string;
  readonly key: string | null;
}

let server: Bun.Server<undefined>;
let steps: Step[];
/** The answer to step N waits for it. */
let gates: PromiseWithResolvers<void>[];

beforeAll(() => {
  steps = [];
  gates = Array.from({ length: FAULTS }, () => Promise.withResolvers<void>());
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      steps.push({ path: pathname, key: request.headers.get("idempotency-key") });
      await gates[Number(pathname.slice(1)) || 0]!.promise;
      return Response.json({ done: pathname });
    },
  });
});

afterAll(() => server.stop(true));

function write(group: MasterGroup): void {
  const { space } = group;
  space.write("in.ndjson", orders(ORDERS));
  space.write("sum.ts", SUM);
  space.write("gate.ts", GATE);
  const gate = `gate|gate.ts|gate=${space.at("open")},stop_at=${ORDERS - 100}`;
  const settings = "set|batch_rows=20,in_flight=4,checkpoint_interval=10ms";
  const lines = [settings, "in|source:ndjson|path=in.ndjson", gate, "sum|sum.ts|", "out|sink:ndjson|path=out.ndjson"];
  space.write("p.txt", `${lines.join("\n")}\n`);
  const post = (id: string, more: object) => ({ id, type: "POST", url: `${server.url.origin}/${id}`, ...more });
  const tasks = gates.map((_, at) =>
    post(String(at), { idempotency_key: true, needs: at === 0 ? [] : [String(at - 1)] }),
  );
  space.write("steps.json", JSON.stringify({ name: "steps", tasks }));
  space.write("pay.json", JSON.stringify({ name: "pay", tasks: [post("pay", {})] }));
}

function untilWritten({ space }: MasterGroup, bytes: number): Promise<unknown> {
  return until(`${bytes} bytes are written`, () => space.sizeOf("out.ndjson") >= bytes);
}

async function kill(group: MasterGroup, leader: string): Promise<void> {
  await group.killHard(leader);
  await group.untilLed(leader);
  await group.startMaster(leader);
}

async function end(group: MasterGroup, leader: string): Promise<void> {
  const node = group.node(leader);
  node.signal("SIGTERM");
  expect(await node.exited, node.stderr).toBe(0);
  await group.untilLed(leader);
  await group.startMaster(leader);
}

async function stop(group: MasterGroup, leader: string): Promise<void> {
  const node = group.node(leader);
  node.signal("SIGSTOP");
  const stoppedMs = performance.now();
  await group.untilLed(leader);
  await until("it was stopped for long", () => performance.now() - stoppedMs >= STOPPED_MS);
  node.signal("SIGCONT");
  await until("it knows that it leads no more", async () => (await group.listOf(leader)).pipelines.length > 0);
}

async function begin(group: MasterGroup, file: string, ...words: readonly string[]): Promise<string> {
  return (await group.tell("task", "run", file, "--on-master", "--detach", ...words)).stdout.trim();
}

interface Shown {
  readonly state: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly failed: readonly { readonly reason: string }[];
}

function untilOver(group: MasterGroup, run: string): Promise<Shown> {
  return until(`run ${run} is over`, async () => {
    const { stdout } = await group.tell("task", "show", run, "--on-master", "--json");
    const shown = JSON.parse(stdout) as Shown;
    return shown.state !== "running" && shown.state !== "interrupted" && shown;
  });
}

test(
  "masters write what run writes, and do tasks once, when whoever leads is killed three times, ended and stopped",
  async () => {
    await using group = await MasterGroup.of(3, ["worker1", "worker2"], { args: ["--drain-timeout", "1s"] });
    write(group);
    const { space } = group;
    const bytes = Buffer.byteLength(space.text("in.ndjson"));
    const follower = group.at(group.follower());
    await group.tell("submit", "p.txt", ...follower);
    const run = await begin(group, "steps.json", ...follower);
    const paid = await begin(group, "pay.json", ...follower);
    for (const [at, fault] of [kill, kill, kill, end, stop].entries()) {
      await untilWritten(group, ((at + 1) * EACH * bytes) / ORDERS);
      await until(`step ${at} is asked for`, () => steps.some(({ path }) => path === `/${at}`));
      if (at === 0) await until("it is paid", () => steps.some(({ path }) => path === "/pay"));
      await fault(group, await group.untilLed());
      gates[at]!.resolve();
    }
    space.write("open", "");
    const { id } = await group.untilState("p", "ended");
    expect(await untilOver(group, run)).toMatchObject({ state: "done", counts: { done: FAULTS, failed: 0 } });
    const keys = new Set(steps.filter(({ path }) => path !== "/pay").map(({ key, path }) => `${path} ${key}`));
    expect(keys.size).toBe(FAULTS); // asked again it has the same key, and has been done once
    expect(steps.filter(({ path }) => path === "/pay")).toHaveLength(1);
    expect((await untilOver(group, paid)).failed[0]?.reason).toStartWith("its outcome is unknown");

    const reference = await space.exec(["run", "p.txt", "--output", "ref.ndjson", "--data-dir", space.at("reference")]);
    expect(reference.code, reference.stderr).toBe(0);
    expect(space.text("out.ndjson") === space.text("ref.ndjson")).toBe(true);
    for (const master of group.ids) {
      const { stdout } = await group.tell("report", id, "--json", ...group.at(master));
      expect(JSON.parse(stdout)).toMatchObject({
        ...{ id, state: "ended", faults: [] },
        counts: { in: ORDERS, written: ORDERS },
      });
    }
  },
  TEST_TIMEOUT_MS,
);

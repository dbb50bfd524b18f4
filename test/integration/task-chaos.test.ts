/**
 * kill -9 of a run again and again at seeded moments, each time resumed: every task comes to an end, nothing that is not idempotent is
 * asked for twice, keys stay the same, and what was recorded as done is not asked for again.
 */
import { expect, test } from "bun:test";
import { seededRandom } from "../../src/base/random.ts";
import { Workspace } from "../support/workspace.ts";

const TASKS = 240;
const KILLS = 5;
const SEED = Number(process.env.TASK_CHAOS_SEED ?? 20_261_121);

interface Shown {
  readonly state: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly tasks: readonly { readonly id: string; readonly state: string; readonly reason?: string }[];
}

/** What each third task is; needs reach back a little, so that a few dozen are under way at a time. */
function chaosGraph(base: string, random: ReturnType<typeof seededRandom>): string {
  const tasks = Array.from({ length: TASKS }, (_, index) => {
    const needs = index < 8 ? [] : [{ task: `t${index - 1 - random.below(8)}`, optional: true }];
    const type = index % 3 === 0 ? "GET" : "POST";
    const key = index % 3 === 2 ? { idempotency_key: true } : {};
    return { id: `t${index}`, type, url: `${base}/t${index}`, needs, ...key };
  });
  return JSON.stringify({ name: "chaos", parallel: 16, tasks });
}

test(`task run --resume comes to the end of a graph through ${KILLS} kills (TASK_CHAOS_SEED=${SEED})`, async () => {
  const random = seededRandom(SEED);
  const asked = new Map<string, (string | null)[]>();
  let count = 0;
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const id = new URL(request.url).pathname.slice(1);
      asked.set(id, [...(asked.get(id) ?? []), request.headers.get("idempotency-key")]);
      count++;
      await new Promise(setImmediate); // others come meanwhile
      return new Response("ok");
    },
  });
  using space = new Workspace();
  const file = space.write("graph.json", chaosGraph(server.url.origin, random));
  let words = ["task", "run", file];
  const doneBefore = new Map<string, number>();
  for (let kill = 0; kill < KILLS; kill++) {
    await using program = space.start(words);
    const killAt = count + 5 + random.below(Math.floor(TASKS / KILLS) - 10);
    await program.until("enough has been asked for", () => count >= killAt);
    await program.killHard();
    const [run] = JSON.parse((await space.exec(["task", "list", "--json"])).stdout) as [{ id: string; state: string }];
    expect(run.state).toBe("interrupted");
    words = ["task", "run", "--resume", run.id];
    const shown = JSON.parse((await space.exec(["task", "show", run.id, "--json"])).stdout) as Shown;
    for (const { id, state } of shown.tasks) if (state === "done") doneBefore.set(id, asked.get(id)!.length);
  }
  const ended = await space.exec([...words, "--json"]);
  const { run } = JSON.parse(ended.stdout) as { run: string };
  const shown = JSON.parse((await space.exec(["task", "show", run, "--json"])).stdout) as Shown;
  const unknown = shown.tasks.filter(({ state }) => state === "failed");
  expect(shown.counts.done! + unknown.length).toBe(TASKS);
  for (const { id, reason } of unknown) {
    expect(reason).toStartWith("its outcome is unknown");
    expect(Number(id.slice(1)) % 3).toBe(1);
  }
  for (const [id, keys] of asked) {
    const kind = Number(id.slice(1)) % 3;
    if (kind === 1) expect(keys).toEqual([null]);
    if (kind === 2) expect(new Set(keys)).toEqual(new Set([`${run}.${id}`]));
    if (doneBefore.has(id)) expect(keys).toHaveLength(doneBefore.get(id)!);
  }
}, 60_000);

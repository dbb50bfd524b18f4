/** A stage's plugin exchanged under full load, with real hosts of the executable: no batch lost, doubled or reordered. */
import { describe, expect, test } from "bun:test";
import type { Failure } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { StagePlan } from "../../src/work/pipeline/stages/types.ts";
import { type PluginParts, plugin } from "../support/plugins.ts";
import { killHard } from "../support/processes.ts";
import { StageRig } from "../support/stage-rig.ts";
import { until } from "../support/until.ts";
import { Workspace, withSummary } from "../support/workspace.ts";

/** `npm run bench:recovery -- --only swap` does 500. */
const SWAPS = 20;
const ROWS = 40;

/** Batch n: records with the numbers from n × ROWS on. */
function batch(index: number): string {
  return Array.from({ length: ROWS }, (_, row) => `{"n":${index * ROWS + row}}\n`).join("");
}

/** Writes its name and, for each record, how many it has seen in all its lives. */
function counter(name: string, more: Partial<PluginParts> = {}): string {
  return plugin({
    top: "let seen = 0; let batches = 0; void batches;",
    batch: `batches++; for (const row of batch) { row.seen = ++seen; row.by = "${name}"; }`,
    snapshot: "return { seen };",
    restore: "seen = state.seen;",
    ...more,
  });
}

function marker(name: string, more: Partial<PluginParts> = {}): string {
  return plugin({
    top: "let batches = 0; void batches;",
    batch: `batches++; for (const row of batch) row.by = "${name}";`,
    ...more,
  });
}

const STATEFUL: Partial<StagePlan> = { stateful: true, sequential: true };

interface Row {
  readonly n: number;
  readonly seen?: number;
  readonly by: string;
}

function rowsOf(rig: StageRig): Row[] {
  return rig.outputs.flatMap((text) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Row),
  );
}

function expectComplete(rig: StageRig, isCounted: boolean): void {
  const rows = rowsOf(rig);
  expect(rig.failure).toBeUndefined();
  expect(rows.map(({ n }) => n)).toEqual(rows.map((_, index) => index));
  if (isCounted) expect(rows.map(({ seen }) => seen)).toEqual(rows.map((_, index) => index + 1));
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  return work.then(
    () => {
      throw new Error("it did not fail");
    },
    (thrown: Failure) => thrown,
  );
}

describe("swap() with real hosts", () => {
  for (const [what, make, more] of [
    ["stateless, on two lanes", marker, { lanes: 2 }],
    ["with state", counter, STATEFUL],
  ] as const) {
    test(`swap() loses, doubles and reorders nothing when done ${SWAPS} times under load: ${what}`, async () => {
      using space = new Workspace();
      const libraries = ["a", "b"].map((name) => space.write(`${name}.ts`, make(name)));
      await using rig = new StageRig({ plan: { library: libraries[0]!, ...more }, swapWindowMs: 10_000 });
      await rig.start();
      const flow = rig.flow(batch, 6);
      for (let index = 1; index <= SWAPS; index++) {
        const report = await rig.swap(libraries[index % 2]!);
        expect(report).toMatchObject({ trial: "passed", state: make === counter ? "restored" : "none" });
      }
      await flow.stop();
      expectComplete(rig, make === counter);
      expect(new Set(rowsOf(rig).map(({ by }) => by))).toEqual(new Set(["a", "b"]));
      expect(rig.at.stage.retries).toBe(0);
      expect(rig.at.progress().restarts).toBe(0);
    }, 120_000);
  }

  test("swap() never has two exclusive hosts initialised at once", async () => {
    using space = new Workspace();
    const lock = space.at("lock");
    const top = 'import { rmSync, writeFileSync } from "node:fs"; let seen = 0;';
    const exclusive = {
      top,
      exclusive: true,
      init: `writeFileSync(${JSON.stringify(lock)}, "", { flag: "wx" });`,
      cleanup: `rmSync(${JSON.stringify(lock)});`,
      batch: "for (const row of batch) { row.seen = ++seen; row.by = 'x'; }",
    } as const;
    const libraries = ["a", "b"].map((name) => space.write(`${name}.ts`, counter(name, exclusive)));
    await using rig = new StageRig({ plan: { library: libraries[0]!, ...STATEFUL, exclusive: true, standby: 1 } });
    await rig.start();
    const flow = rig.flow(batch);
    for (let index = 1; index <= 10; index++) await rig.swap(libraries[index % 2]!);
    await flow.stop();
    expectComplete(rig, true);
  }, 60_000);
});

describe("swap() to a bad plugin with real hosts", () => {
  for (const [what, code, bad] of [
    ["throws at load", "swap.refused", { top: "throw new Error('bad');" }],
    ["throws in init", "swap.refused", { init: "throw new Error('bad');" }],
    ["exits in init", "swap.refused", { init: "process.exit(3);" }],
    ["throws in restore", "swap.rolled_back", { restore: "throw new Error('bad');" }],
    ["throws over its first batch", "swap.rolled_back", { batch: "throw new Error('bad');" }],
    ["dies over its first batch", "swap.rolled_back", { batch: "process.kill(process.pid, 'SIGKILL');" }],
    ["exits over its first batch", "swap.rolled_back", { batch: "process.exit(0);" }],
  ] as const) {
    test(`swap() leaves the old process with its state at work when the new plugin ${what}`, async () => {
      using space = new Workspace();
      const [good, poor] = [space.write("good.ts", counter("good")), space.write("bad.ts", counter("bad", bad))];
      await using rig = new StageRig({ plan: { library: good, ...STATEFUL }, swapWindowMs: 10_000 });
      await rig.start();
      const pids = rig.at.progress().pids;
      const flow = rig.flow(batch);
      await until("some batches are through", () => flow.done() > 5);
      expect((await failureOf(rig.swap(poor))).code).toBe(code);
      const done = flow.done();
      await until("more batches are through", () => flow.done() > done + 5);
      await flow.stop();
      expectComplete(rig, true);
      expect(rowsOf(rig).every(({ by }) => by === "good")).toBe(true);
      expect(rig.at.progress().pids).toEqual(pids);
      expect(rig.at.stage.retries).toBe(0);
    });
  }

  for (const [what, make, more] of [
    ["stateless", marker, { lanes: 2 }],
    ["with state", counter, STATEFUL],
  ] as const) {
    test(`swap() is taken back by itself when the new plugin dies over every 20th batch: ${what}`, async () => {
      using space = new Workspace();
      const good = space.write("good.ts", make("good"));
      const parts = { top: "let seen = 0; let batches = 0; let last;" };
      // A host warms up with one batch many times over, which is no 20 batches.
      const other = "const first = [...batch][0]?.n; if (first !== last) batches++; last = first;";
      const dies = `${other} if (batches % 20 === 0) process.exit(1); for (const row of batch) { row.seen = ++seen; row.by = "bad"; }`;
      const bad = space.write("bad.ts", make("bad", { ...parts, batch: dies }));
      await using rig = new StageRig({ plan: { library: good, ...more }, swapWindowMs: 60_000 });
      await rig.start();
      const flow = rig.flow(batch);
      await until("some batches are through", () => flow.done() > 5);
      await rig.swap(bad);
      await until("it was taken back", () => rig.named("swap_rolled_back").length > 0);
      const done = flow.done();
      await until("more batches are through", () => flow.done() > done + 10);
      await flow.stop();
      expectComplete(rig, make === counter);
      expect(rowsOf(rig).at(-1)?.by).toBe("good");
      expect(rowsOf(rig).some(({ by }) => by === "bad")).toBe(true);
    });
  }
});

describe("the command swap, on a running pipeline", () => {
  /** Lets a batch through now and then until the file `fast` is there: a run that lasts as long as the test needs. */
  const PACE = plugin({
    top: 'import { existsSync } from "node:fs";',
    params: '{ fast: param.string("a file", { required: true }) }',
    batch: "if (!existsSync(context.params.fast)) await Bun.sleep(20);",
  });
  const RECORDS = 40_000;
  const ROUNDS = 6;

  test("swap and kill -9 of any host, in turns, leave the output as it would have been", async () => {
    using space = new Workspace();
    const random = seededRandom(5);
    space.write("in.ndjson", lines(RECORDS));
    for (const name of ["a", "b"]) {
      space.write(`count-${name}.ts`, counter(name));
      space.write(`mark-${name}.ts`, marker(name));
    }
    space.write("bad.ts", counter("bad", { batch: "throw new Error('bad');" }));
    space.write("pace.ts", PACE);
    const retries = "true|RETRY_WITH_BACKOFF|20";
    space.pipeline(
      [
        `count|count-a.ts|standby=1|${retries}`,
        `mark|mark-a.ts|lanes=2,standby=1|${retries}`,
        `pace|pace.ts|fast=${space.at("fast")}`,
      ],
      { settings: "batch_rows=40,checkpoint_interval=20ms,max_restarts=1000,backoff=1ms,swap_window=300ms" },
    );
    await using program = space.start(["run", "pipeline.txt", "--json"]);
    await program.until("records flow", () => space.sizeOf("out.ndjson") > 0);
    for (let round = 1; round <= ROUNDS; round++) {
      const to = round % 2 === 1 ? "b" : "a";
      for (const stage of ["count", "mark"]) {
        const hosts = program.hosts();
        const swapping = space.exec(["swap", stage, `${stage}-${to}.ts`]);
        killHard(hosts[random.below(hosts.length)]!);
        const { code, stderr } = await swapping;
        if (code !== 0) expect(stderr).toMatch(/is back with|cannot take over/); // the victim was the new host
      }
      const refused = await space.exec(["swap", "count", "bad.ts"]);
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/bad/)]);
    }
    space.write("fast", "");
    const { code, summary } = withSummary(await program.done);
    expect([code, summary.run, summary.faults]).toEqual([0, "ended", []]);
    const rows = space.records("out.ndjson");
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: RECORDS }, (_, index) => index));
    expect(rows.map(({ seen }) => seen)).toEqual(Array.from({ length: RECORDS }, (_, index) => index + 1));
    expect(new Set(rows.map(({ by }) => by))).toEqual(new Set(["a", "b"]));
    expect(program.hosts()).toEqual([]);
  }, 120_000);
});

function lines(count: number): string {
  return Array.from({ length: count }, (_, n) => `{"n":${n}}\n`).join("");
}

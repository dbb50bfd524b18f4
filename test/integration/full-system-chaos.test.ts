/**
 * Nothing is lost and nothing comes twice when anything dies at any moment: a run that is killed 200 times leaves what an
 * undisturbed run leaves. DISTRIBUTED_SYSTEM_CHAOS_SEED repeats a schedule (as far as the machine's own timing allows),
 * DISTRIBUTED_SYSTEM_CHAOS_KILLS changes how often is killed.
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../src/base/random.ts";
import { runThroughChaos } from "../support/chaos.ts";
import { orders } from "../support/orders.ts";
import { differences, type Outcome, readOutcome, withoutOrder } from "../support/outcome.ts";
import { plugin } from "../support/plugins.ts";
import { stageOf, Workspace, withSummary } from "../support/workspace.ts";

const ORDERS = 20_000;
const KILLS = Number(process.env.DISTRIBUTED_SYSTEM_CHAOS_KILLS ?? 200);
const SEED = Number(process.env.DISTRIBUTED_SYSTEM_CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const UNORDERED_KILLS = Math.ceil(KILLS / 4);
const TEST_TIMEOUT_MS = 300_000;
const PLUGINS = join(import.meta.dir, "../../plugins");

const NOTE_PID = `import { writeFileSync } from "node:fs";
const notePid = (context) => writeFileSync(\`\${context.params.pids}/\${context.stage}.\${process.pid}\`, "");`;
const PARAMS =
  '{ pids: param.string("directory for pids", { required: true }), wait: param.integer("ms", { default: 0 }) }';
const COMMON = { top: NOTE_PID, params: PARAMS, init: "notePid(context);" };

/** Five stages: two lanes that filter and compute, rejections, poison, state that depends on every record before, and the shipped ones. */
function writeChaosPipeline(space: Workspace): void {
  space.write("in.ndjson", orders(ORDERS, { malformedOneIn: 200 }));
  space.write(
    "keep.ts",
    plugin({
      ...COMMON,
      batch: `await Bun.sleep(context.params.wait);
        batch.filter((row) => row.quantity !== 9);
        for (const row of batch) row.total = Math.round(row.quantity * row.amount * 100) / 100;`,
    }),
  );
  space.write(
    "check.ts",
    plugin({
      ...COMMON,
      batch: "for (const row of batch) if (row.id % 97 === 0) batch.reject(batch.index, 'odd id ' + row.id);",
    }),
  );
  space.write(
    "brittle.ts",
    plugin({
      ...COMMON,
      batch: "for (const row of batch) if (row.id % 4001 === 17) throw new Error('cannot bear ' + row.id);",
    }),
  );
  space.write(
    "nth.ts",
    plugin({
      ...COMMON,
      top: `${NOTE_PID}\nlet seen = {};`,
      batch: `await Bun.sleep(context.params.wait);
        for (const row of batch) { seen[row.country] = (seen[row.country] ?? 0) + row.quantity; row.nth = seen[row.country]; }`,
      finish: "batch.append({ totals: seen });",
      snapshot: "return seen;",
      restore: "seen = state;",
    }),
  );
}

/** `waits`: stages take their time for each batch, so that kills strike inside of one. */
type PipelineText = (directory: string, waits: boolean) => string;

const SETTINGS = "batch_rows=50,in_flight=8,checkpoint_interval=30ms,backoff=1ms,backoff_max=5ms";
const RESTARTS = "max_restarts=10000,restart_period=100ms";

const orderedPipeline: PipelineText = (directory, waits) => {
  const wait = waits ? 8 : 0;
  return `set|${SETTINGS}
set|${RESTARTS}
in|source:ndjson|path=in.ndjson
keep|keep.ts|pids=pids,wait=${wait},lanes=2|true|RETRY_WITH_BACKOFF|3|10s
check|check.ts|pids=pids|true|DEAD_LETTER|3|10s
brittle|brittle.ts|pids=pids|true|RETRY_WITH_BACKOFF|2|10s
nth|nth.ts|pids=pids,wait=${wait}|true|RETRY_WITH_BACKOFF|3|10s
sums|${PLUGINS}/aggregation/index.ts|group_by=country,window_count=1000,aggregates=count;sum:total;p50:total;distinct:quantity|true|RETRY_WITH_BACKOFF|3|10s
audit|${PLUGINS}/audit/index.ts|file=${directory}/audit.ndjson,sync=none|true|RETRY_WITH_BACKOFF|3|10s
out|sink:ndjson|path=${directory}/out.ndjson
`;
};

const unorderedPipeline: PipelineText = (directory, waits) => `set|${SETTINGS},ordered=false
set|${RESTARTS}
in|source:ndjson|path=in.ndjson
keep|keep.ts|pids=pids,wait=${waits ? 20 : 0},lanes=3|true|RETRY_WITH_BACKOFF|3|10s
check|check.ts|pids=pids,lanes=2|true|DEAD_LETTER|3|10s
out|sink:ndjson|path=${directory}/out.ndjson
`;

function command(directory: string): string[] {
  return ["run", `${directory}/pipeline.txt`, "--json", "--data-dir", `${directory}/state`];
}

function outcomeOf(space: Workspace, directory: string, summary: Outcome["summary"]): Outcome {
  return readOutcome(summary, {
    output: space.at(directory, "out.ndjson"),
    audit: space.at(directory, "audit.ndjson"),
  });
}

async function undisturbed(space: Workspace, directory: string, text: PipelineText, env: Record<string, string> = {}) {
  space.write(`${directory}/pipeline.txt`, text(directory, false));
  const ended = withSummary(await space.exec(command(directory), { env }));
  return { ended, outcome: outcomeOf(space, directory, ended.summary) };
}

/** The same again in the directory `wild`, with kills. */
async function disturbed(space: Workspace, text: PipelineText, reference: Outcome, kills: number) {
  space.write("wild/pipeline.txt", text("wild", true));
  const report = await runThroughChaos({
    start: () => space.start(command("wild")),
    random: seededRandom(SEED),
    kills,
    outputPath: space.at("wild", "out.ndjson"),
    outputBytes: reference.output.length,
    pidDirectory: space.at("pids"),
    sparedStage: "brittle",
  }).catch((thrown: unknown) => {
    throw new Error(`${String(thrown)}\n${replay()}`);
  });
  const { code, summary, stderr } = withSummary(report.last);
  if (code !== 0) throw new Error(`exit code ${code}\n${replay()}\n${stderr}`);
  return { report, found: outcomeOf(space, "wild", summary) };
}

function expectSame(found: readonly string[]): void {
  if (found.length > 0) throw new Error([...found, replay()].join("\n"));
}

function prepare(): Workspace {
  const space = new Workspace();
  mkdirSync(space.at("pids"));
  writeChaosPipeline(space);
  return space;
}

describe("run under kill -9", () => {
  test(
    `run leaves what an undisturbed run leaves when hosts and the main process are killed ${KILLS} times`,
    async () => {
      using space = prepare();
      const { ended, outcome: reference } = await undisturbed(space, "calm", orderedPipeline);
      expect(ended.code).toBe(0);
      expectEveryPath(reference);

      const { found, report } = await disturbed(space, orderedPipeline, reference, KILLS);
      expectSame(differences(reference, found));
      expect(report.hostKills + report.mainKills).toBe(KILLS);
      expect(Math.min(report.hostKills, report.mainKills)).toBeGreaterThan(KILLS / 20);
      const { code: verified, stdout } = await space.exec(["audit", "verify", "wild/audit.ndjson"]);
      expect(verified, stdout).toBe(0);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "run leaves the same records in any order when lanes of an unordered pipeline and the main process are killed",
    async () => {
      using space = prepare();
      const { outcome: reference } = await undisturbed(space, "calm", unorderedPipeline);
      const { found, report } = await disturbed(space, unorderedPipeline, reference, UNORDERED_KILLS);
      expectSame(differences(withoutOrder(reference), withoutOrder(found)));
      expect(report.hostKills + report.mainKills).toBe(UNORDERED_KILLS);
    },
    TEST_TIMEOUT_MS,
  );

  test("run says that it does not add up when an acknowledged batch was not written", async () => {
    using space = prepare();
    const { outcome: reference } = await undisturbed(space, "calm", orderedPipeline);
    const { ended, outcome } = await undisturbed(space, "lossy", orderedPipeline, {
      DISTRIBUTED_SYSTEM_PLANT_LOST_BATCH: "3",
    });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("It does NOT add up: audit let");
    expect(ended.summary.faults).toHaveLength(1);
    expect(differences(reference, outcome).join("\n")).toContain("the output differs from byte");
  });

  test("differences() finds a loss that no counter has seen", () => {
    const counts = { filtered: 0, deadLettered: 0, skipped: 0, added: 0, retries: 0, restarts: 0 };
    const summary: Outcome["summary"] = {
      run: "ended",
      resumed: false,
      stages: [{ stage: "source", in: 2, out: 2, ...counts }],
      written: 2,
      faults: [],
      deadLetters: "",
    };
    const output = Buffer.from('{"id":1}\n{"id":2}\n');
    const letters = ['{"time":"now","stage":"s"}', '{"time":"then","stage":"t"}'];
    const audit = ['{"n":0,"batch":"run/a@0","count":2}'];
    const reference: Outcome = { output, letters, audit, summary };
    const later = { ...reference, letters: letters.map((line) => line.replace(/now|then/, "later")) };
    expect(differences(reference, later)).toEqual([]);
    for (const [broken, count] of [
      [{ output: Buffer.from('{"id":2}\n') }, 2],
      [{ output: Buffer.from('{"id":1}\n{"id":3}\n') }, 1],
      [{ letters: letters.slice(1) }, 2],
      [{ letters: [letters[1]!, letters[0]!] }, 1],
      [{ audit: [] }, 2],
      [{ audit: ['{"n":0,"batch":"run/a@0","count":1}'] }, 1],
      [{ summary: { ...summary, written: 3 } }, 2],
      [{ summary: { ...summary, faults: ["one is missing"] } }, 1],
    ] as const) {
      expect(differences(reference, { ...reference, ...broken })).toHaveLength(count);
    }
  });
});

/** A chaos test over a pipeline in which nothing happens would prove nothing. */
function expectEveryPath({ letters, audit, summary }: Outcome): void {
  expect(summary.faults).toEqual([]);
  expect(stageOf(summary, "source").deadLettered).toBeGreaterThan(50);
  expect(stageOf(summary, "keep").filtered).toBeGreaterThan(1_000);
  expect(stageOf(summary, "check").deadLettered).toBeGreaterThan(100);
  expect(stageOf(summary, "brittle").deadLettered).toBe(4);
  expect(stageOf(summary, "nth").added).toBe(1);
  expect(stageOf(summary, "sums").added).toBeGreaterThan(50);
  expect(letters.length).toBe(summary.stages.reduce((sum, stage) => sum + stage.deadLettered, 0));
  expect(audit.length).toBeGreaterThanOrEqual(ORDERS / 50);
}

function replay(): string {
  return `replay: DISTRIBUTED_SYSTEM_CHAOS_SEED=${SEED} npm test full-system`;
}

/** Metrics as Prometheus's own tool judges them: of every part at once, and of a pipeline that really runs. */
import { expect, test } from "bun:test";
import { Observation } from "../../src/app/observe/observation.ts";
import { systemClock } from "../../src/base/clock.ts";
import { FakeInstance } from "../support/instances.ts";
import { allParts } from "../support/observed.ts";
import { orders } from "../support/orders.ts";
import { plugin } from "../support/plugins.ts";
import { expectGoodMetrics, whyNoPromtool } from "../support/promtool.ts";
import { Workspace } from "../support/workspace.ts";

const whyNot = whyNoPromtool();
if (whyNot !== undefined) console.error(`promtool is not asked: ${whyNot}`);
const isJudged = process.env.CI === "true" || whyNot === undefined;

test.skipIf(!isJudged)("every part's metrics pass promtool check metrics", async () => {
  expect(whyNot).toBeUndefined();
  const own = { command: "master", name: "n1", startedMs: 0, version: "1.0.0" };
  const observation = new Observation({ clock: systemClock, process: own, watchesLoop: false });
  observation.watch(allParts());
  const { text } = observation.scrape();
  expect(text).not.toContain("collector_failures_total");
  await expectGoodMetrics(text);
});

/** Never ends by itself: as many batches wait as may. */
const SLOW = plugin({ batch: "await Bun.sleep(30);" });

function numberOf(text: string, series: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`distributed_system_${series} `));
  if (line === undefined) throw new Error(`${series} is not among:\n${text}`);
  return Number(line.slice(line.lastIndexOf(" ") + 1));
}

test("metrics tells where the records of a run are, and that its source is held back", async () => {
  using space = new Workspace();
  space.write("in.ndjson", orders(40_000));
  space.write("slow.ts", SLOW);
  space.pipeline(["slow|slow.ts|"], { settings: "batch_rows=20,in_flight=2,checkpoint_interval=20ms" });
  await using program = space.start(["run", "pipeline.txt"]);
  const own = 'pipeline="pipeline",stage="slow"';
  const text = await program.until("records were written", async () => {
    const { code, stdout } = await space.exec(["metrics"]);
    return code === 0 && numberOf(stdout, `stage_records_sent_total{${own}}`) > 0 ? stdout : undefined;
  });
  const sent = numberOf(text, `stage_records_sent_total{${own}}`);
  expect(numberOf(text, `stage_records_received_total{${own}}`)).toBe(sent);
  expect(numberOf(text, 'pipeline_records_written_total{pipeline="pipeline"}')).toBe(sent);
  expect(numberOf(text, 'pipeline_backpressure_seconds_total{pipeline="pipeline"}')).toBeGreaterThan(0);
  expect(numberOf(text, `stage_backpressure_seconds_total{${own}}`)).toBeGreaterThan(0);
  expect(numberOf(text, 'pipeline_fill_ratio{pipeline="pipeline"}')).toBeGreaterThanOrEqual(0.5);
  expect(numberOf(text, 'plugin_memory_bytes{place="pipeline/slow/lane 0"}')).toBeGreaterThan(0);
  if (whyNot === undefined) await expectGoodMetrics(text);
  const open = await space.exec(["metrics", "--instance", String(program.pid), "--format", "openmetrics"]);
  expect(open.stdout).toEndWith("# EOF\n");
});

test("metrics asks for the process when several instances run, and says so when none does", async () => {
  using space = new Workspace();
  const none = await space.exec(["metrics"]);
  expect([none.code, none.stderr]).toEqual([66, expect.stringContaining("no instance runs with the data directory")]);
  await using first = await FakeInstance.start(space.at("state"), "orders");
  await using second = await FakeInstance.start(space.at("state"), "invoices");
  const several = await space.exec(["metrics"]);
  expect(several.code).toBe(1);
  for (const { pid } of [first, second]) expect(several.stderr).toContain(`${pid} (run `);
  const gone = await space.exec(["metrics", "--instance", "1"]);
  expect([gone.code, gone.stderr]).toEqual([66, expect.stringContaining("process 1 is no instance that runs")]);
});

test("metrics refuses a format that there is not", async () => {
  using space = new Workspace();
  const wrong = await space.exec(["metrics", "--format", "xml"]);
  expect([wrong.code, wrong.stderr]).toEqual([64, expect.stringContaining("prometheus or openmetrics is required")]);
});

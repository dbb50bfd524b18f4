/** Other stages for a run under way: SIGHUP and --watch, with records flowing, and nothing lost, doubled or out of order. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { orders } from "../support/orders.ts";
import { perRecord, plugin } from "../support/plugins.ts";
import type { Program } from "../support/program.ts";
import { stageOf, Workspace, withSummary } from "../support/workspace.ts";

const ORDERS = 40_000;
const SETTINGS = "batch_rows=50,checkpoint_interval=20ms";
const COMMAND = ["run", "pipeline.txt", "--json"];

/** Numbers the records it has seen: a batch lost, doubled or out of order shows in every record behind it. */
const COUNTER = plugin({
  top: "let seen = 0;",
  params: '{ field: param.string("where", { default: "n" }) }',
  batch: "for (const row of batch) row[context.params.field] = ++seen;",
  snapshot: "return seen;",
  restore: "seen = Number(state);",
});
const MARK = perRecord("row[context.params.field] = true;", {
  params: '{ field: param.string("where", { required: true }) }',
});

/** Lets a batch through now and then until the file `fast` is there: a run that lasts as long as the test needs. */
const PACE = plugin({
  top: 'import { existsSync } from "node:fs";',
  params: '{ fast: param.string("a file", { required: true }) }',
  batch: "if (!existsSync(context.params.fast)) await Bun.sleep(20);",
});
const PACE_LINE = "pace|pace.ts|fast=FAST";
const SLOW_LINE = "slow|slow.ts|";
const COUNT_LINE = "count|counter.ts|";

class LiveRun {
  readonly space = new Workspace();
  program: Program;

  constructor(stages: readonly string[], more: readonly string[] = [], settings = SETTINGS) {
    const { space } = this;
    space.write("in.ndjson", orders(ORDERS));
    space.write("counter.ts", COUNTER);
    space.write("slow.ts", plugin({}));
    space.write("mark.ts", MARK);
    space.write("pace.ts", PACE);
    this.write(stages, settings);
    this.program = space.start([...COMMAND, ...more]);
  }

  write(stages: readonly string[], settings = SETTINGS): void {
    const fast = this.space.at("fast");
    this.space.pipeline(
      stages.map((line) => line.replace("FAST", fast)),
      { settings },
    );
  }

  flowing(): Promise<unknown> {
    const before = this.space.sizeOf("out.ndjson");
    return this.program.until("records flow", () => this.space.sizeOf("out.ndjson") > before);
  }

  /** Waits for what is said of the reload number `count`. */
  async reloads(count: number): Promise<string> {
    const said = () => this.program.stderr.split("\n").filter((line) => /(not )?reloaded[:,]/.test(line));
    await this.program.until(`reload ${count} is reported`, () => said().length >= count);
    return said()[count - 1]!;
  }

  async reload(stages: readonly string[], count: number): Promise<string> {
    this.write(stages);
    this.program.signal("SIGHUP");
    return this.reloads(count);
  }

  /** Descriptors of shared memory that the main process holds. */
  segments(): number {
    const directory = `/proc/${this.program.pid}/fd`;
    const links = readdirSync(directory).map((name) => readlinkSync(`${directory}/${name}`));
    return links.filter((target) => target.startsWith("/dev/shm/")).length;
  }

  async finish() {
    this.space.write("fast", "");
    return withSummary(await this.program.done);
  }

  expectComplete(): void {
    const records = this.space.records("out.ndjson");
    expect(records).toHaveLength(ORDERS);
    const wrong = records.findIndex(({ id, n }, index) => id !== index || n !== index + 1);
    expect(wrong < 0 ? undefined : records[wrong]).toBeUndefined();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    this.space[Symbol.dispose]();
  }
}

describe("run when its pipeline file changes", () => {
  test("SIGHUP adds, moves, changes, disables and removes stages under load, and every record passes once and in order", async () => {
    await using live = new LiveRun([SLOW_LINE, COUNT_LINE, PACE_LINE]);
    await live.flowing();
    const steps: [readonly string[], RegExp][] = [
      [["mark|mark.ts|field=a", SLOW_LINE, COUNT_LINE, PACE_LINE], /added mark/],
      [[SLOW_LINE, "mark|mark.ts|field=a", COUNT_LINE, PACE_LINE], /with other neighbours/],
      [[SLOW_LINE, "mark|mark.ts|field=b", COUNT_LINE, PACE_LINE], /changed mark/],
      [[COUNT_LINE, "slow|slow.ts|lanes=2", "mark|mark.ts|field=b", PACE_LINE], /changed slow/],
      [[COUNT_LINE, "slow|slow.ts||false", PACE_LINE], /removed slow, mark/],
      [[COUNT_LINE, PACE_LINE], /nothing has changed/],
      [[COUNT_LINE, SLOW_LINE, PACE_LINE], /added slow/],
    ];
    for (const [index, [stages, expected]] of steps.entries()) {
      expect(await live.reload(stages, index + 1)).toMatch(expected);
      if (index < 5) await live.flowing();
    }
    const { code, summary } = await live.finish();
    expect([code, summary.run, summary.faults]).toEqual([0, "ended", []]);
    live.expectComplete();
    expect(stageOf(summary, "count")).toMatchObject({ in: ORDERS, out: ORDERS });
    expect(stageOf(summary, "mark").in).toBeGreaterThan(0);
    const records = live.space.records("out.ndjson");
    expect(records.some(({ a }) => a === true)).toBe(true);
    expect(records.some(({ b }) => b === true)).toBe(true);
    expect(records.at(-1)).not.toHaveProperty("b");
  }, 60_000);

  test("a file that does not check keeps the stages running and says why", async () => {
    await using live = new LiveRun([COUNT_LINE, SLOW_LINE, PACE_LINE]);
    await live.flowing();
    expect(await live.reload([COUNT_LINE, "slow|slow.ts|what=1", PACE_LINE], 1)).toMatch(/not reloaded/);
    expect(live.program.stderr).toContain('no parameter "what"');
    expect(await live.reload([COUNT_LINE, "slow|missing.ts|", PACE_LINE], 2)).toMatch(/not reloaded/);
    live.write([COUNT_LINE, SLOW_LINE, PACE_LINE], "batch_rows=77");
    live.program.signal("SIGHUP");
    expect(await live.reloads(3)).toMatch(/the setting batch_rows, the setting checkpoint_interval changed/);
    live.space.write("bad.ts", plugin({ init: 'throw new Error("no such server");' }));
    expect(await live.reload([COUNT_LINE, "bad|bad.ts|", SLOW_LINE, PACE_LINE], 4)).toMatch(/no such server/);
    await live.flowing();
    const { code, summary } = await live.finish();
    expect([code, summary.faults]).toEqual([0, []]);
    expect(summary.stages.map(({ stage, restarts }) => [stage, restarts])).toEqual([
      ["source", 0],
      ["count", 0],
      ["slow", 0],
      ["pace", 0],
    ]);
    live.expectComplete();
  }, 60_000);

  test("--watch reloads by itself when the file or a plugin's file is written", async () => {
    await using live = new LiveRun([SLOW_LINE, COUNT_LINE, PACE_LINE], ["--watch"]);
    await live.flowing();
    live.write([SLOW_LINE, "mark|mark.ts|field=a", COUNT_LINE, PACE_LINE]);
    expect(await live.reloads(1)).toMatch(/added mark/);
    live.space.write("mark.ts", MARK.replace("= true", "= 7"));
    expect(await live.reloads(2)).toMatch(/changed mark/);
    const { code } = await live.finish();
    expect(code).toBe(0);
    live.expectComplete();
    const values = new Set(live.space.records("out.ndjson").map(({ a }) => a));
    expect(values).toEqual(new Set([undefined, true, 7]));
  }, 60_000);

  test("kill -9 behind a reload loses nothing: the same command goes on with the stages of now", async () => {
    await using live = new LiveRun([SLOW_LINE, COUNT_LINE, PACE_LINE]);
    await live.flowing();
    expect(await live.reload(["mark|mark.ts|field=a", SLOW_LINE, COUNT_LINE, PACE_LINE], 1)).toMatch(/added mark/);
    await live.flowing();
    await live.program.killHard();
    live.program = live.space.start(COMMAND);
    const { code, summary } = await live.finish();
    expect([code, summary.resumed, summary.faults]).toEqual([0, true, []]);
    live.expectComplete();
    expect(live.space.records("out.ndjson").at(-1)).toHaveProperty("a", true);
  }, 60_000);

  test("a new stage that gives up before it is at work leaves the running ones alone", async () => {
    const settings = `${SETTINGS},max_restarts=2`;
    await using live = new LiveRun([COUNT_LINE, PACE_LINE], [], settings);
    await live.flowing();
    live.space.write("dies.ts", plugin({ init: "setTimeout(() => process.exit(3), 20);" }));
    live.space.write("late.ts", plugin({ init: "await Bun.sleep(1_000);" }));
    const stages = [COUNT_LINE, "dies|dies.ts|", "late|late.ts|", PACE_LINE];
    live.write(stages, settings);
    live.program.signal("SIGHUP");
    expect(await live.reloads(1)).toMatch(/not reloaded.*stage dies/);
    await live.flowing();
    const { code, summary } = await live.finish();
    expect([code, summary.faults]).toEqual([0, []]);
    live.expectComplete();
  }, 60_000);

  test("refused reloads hold nothing back: no segment and no host stays", async () => {
    await using live = new LiveRun([COUNT_LINE, PACE_LINE]);
    await live.flowing();
    live.space.write("bad.ts", plugin({ init: 'throw new Error("no such server");' }));
    const before = live.segments();
    for (let count = 1; count <= 4; count++) {
      expect(await live.reload(["bad|bad.ts|", COUNT_LINE, PACE_LINE], count)).toMatch(/no such server/);
    }
    expect(live.segments()).toBe(before);
    expect(live.program.hosts()).toHaveLength(2);
    expect((await live.finish()).code).toBe(0);
    live.expectComplete();
  }, 60_000);

  test("a run that is told to end starts a stopped stage again, to finish what is under way", async () => {
    await using live = new LiveRun([COUNT_LINE, PACE_LINE]);
    await live.flowing();
    expect((await live.space.exec(["stop", "pace"])).code).toBe(0);
    live.program.signal("SIGINT");
    const { code, summary } = withSummary(await live.program.done);
    expect([code, summary.run, summary.faults]).toEqual([130, "stopped", []]);
    expect(live.space.records("out.ndjson")).toHaveLength(summary.written);
    expect(summary.written).toBeLessThan(ORDERS);
  }, 60_000);
});

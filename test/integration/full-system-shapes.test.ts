/**
 * Pipelines of every shape: no stages, no records, nothing but malformed lines, several lanes, standard input and output.
 */
import { describe, expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { BUSY, perRecord, plugin } from "../support/plugins.ts";
import { EXECUTABLE } from "../support/program.ts";
import { stageOf, Workspace } from "../support/workspace.ts";

describe("run", () => {
  test("run passes records on byte for byte when there are no stages", async () => {
    using space = new Workspace();
    const input = orders(3_000);
    space.write("in.ndjson", input);
    space.pipeline([], { settings: "batch_rows=500" });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(summary.written).toBe(3_000);
    expect(space.text("out.ndjson")).toBe(input);
  });

  test("run ends well when the input is empty", async () => {
    using space = new Workspace();
    space.write("in.ndjson", "");
    space.write("double.ts", perRecord("row.quantity = row.quantity * 2;"));
    space.pipeline(["double|double.ts|"]);
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(summary.stages.map((stage) => stage.in)).toEqual([0, 0]);
    expect(space.text("out.ndjson")).toBe("");
  });

  test("run accounts for every line when all are malformed", async () => {
    using space = new Workspace();
    space.write("in.ndjson", "nonsense\n".repeat(1_000));
    space.pipeline([], { settings: "batch_rows=100" });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(stageOf(summary, "source")).toMatchObject({ in: 1_000, out: 0, deadLettered: 1_000 });
    expect(space.text("out.ndjson")).toBe("");
    expect(space.letters().map(({ line }) => line)).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
  });

  test("run stops at the first malformed line when on_malformed=fail", async () => {
    using space = new Workspace();
    const good = orders(250);
    space.write("in.ndjson", `${good}broken\n${orders(250, { seed: 2 })}`);
    space.pipeline([], { settings: "batch_rows=100,on_malformed=fail" });
    const { code, summary, stderr } = await space.run();
    expect(code).toBe(1);
    expect(summary.run).toBe("failed");
    expect(stderr).toContain("line 251");
    expect(space.letters()).toEqual([]);
    expect(good.startsWith(space.text("out.ndjson"))).toBe(true);
  });

  test("run keeps the source's order when lanes of unequal speed work on it", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(6_000));
    space.write(
      "uneven.ts",
      plugin({
        top: BUSY,
        batch:
          "busy(context.lane * 5); const ids = batch.column('id').numbers(); batch.addColumn('seen', ids.slice()); for (const row of batch) row.lane = context.lane;",
      }),
    );
    space.pipeline(["uneven|uneven.ts|", "again|uneven.ts|lanes=2"], { settings: "batch_rows=100,lanes=3" });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(summary.written).toBe(6_000);
    const records = space.records("out.ndjson");
    expect(records.map(({ id }) => id)).toEqual(Array.from({ length: 6_000 }, (_, id) => id));
    expect(new Set(records.map(({ lane }) => lane)).size).toBe(2);
  });

  test("run --input - --output - has data on standard output only and messages on standard error", async () => {
    using space = new Workspace();
    const input = orders(2_000);
    space.write("double.ts", perRecord("row.quantity = row.quantity * 2;", { init: "console.log('hello from init')" }));
    space.write("pipeline.txt", "set|batch_rows=300\ndouble|double.ts|");
    const { code, stdout, stderr } = await space.exec(["run", "pipeline.txt", "--input", "-", "--output", "-"], {
      stdin: input,
    });
    expect(code).toBe(0);
    const expected = input.replace(/"quantity":(\d)/g, (_, digit: string) => `"quantity":${Number(digit) * 2}`);
    expect(stdout).toBe(expected);
    expect(stderr).toContain("[double] hello from init");
    expect(stderr).toContain("Every record is accounted for: 2,000 in");
  });

  test("run shows what plugins write under the name of their stage", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(10));
    space.write(
      "talker.ts",
      plugin({
        init: "console.log('on stdout'); console.error('on stderr'); context.log.warn('through the log');",
        batch: "process.stdout.write('\\u001b[2Jno newline');",
      }),
    );
    space.pipeline(["loud|talker.ts|"]);
    const { code, stderr } = await space.run();
    expect(code).toBe(0);
    for (const line of ["on stdout", "on stderr", "through the log"]) expect(stderr).toContain(`[loud] ${line}`);
    expect(stderr).toContain("no newline");
    expect(stderr).not.toContain("\u001b[2J");
  });

  test("run stops and says why when nobody reads its standard output any more", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(20_000));
    space.pipeline([], { settings: "batch_rows=500" });
    const reader = Bun.spawn(
      ["bash", "-c", `"$0" run pipeline.txt --output - | head -1; exit "\${PIPESTATUS[0]}"`, EXECUTABLE],
      {
        cwd: space.path,
        env: { ...process.env, DISTRIBUTED_SYSTEM_DATA_DIR: space.at("state") },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const [out, err] = await Promise.all([reader.stdout.text(), reader.stderr.text()]);
    expect(await reader.exited).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ id: 0 });
    expect(err).toContain("cannot write standard output: its reader has gone");
  });

  test("run stops and says why when the disk is full", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(1_000));
    space.pipeline([]);
    const { code, summary } = await space.run(["pipeline.txt", "--output", "/dev/full"]);
    expect(code).toBe(1);
    expect(summary.error?.message).toMatch(/cannot write \/dev\/full: no space is left/);
  });
});

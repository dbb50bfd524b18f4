/** Limits, environment and orphans as a pipeline's user meets them. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { orders } from "../support/orders.ts";
import { perRecord, plugin } from "../support/plugins.ts";
import { isAlive, isGone } from "../support/processes.ts";
import { Runaways } from "../support/runaways.ts";
import { until } from "../support/until.ts";
import { stageOf, Workspace } from "../support/workspace.ts";

const ORDERS = 20;
const POISON = 10;
const PLUGINS = join(import.meta.dir, "../../plugins");
const SETTINGS = { settings: "batch_rows=1,lanes=1,max_restarts=1000,restart_period=100ms" };

describe("a stage with limits", () => {
  for (const [limit, body, reason] of [
    ["memory=96MiB", "const keep = []; for (;;) keep.push(Buffer.alloc(1 << 20, 1));", /own memory.*96\.0 MiB.*killed/],
    ["cpu=1s", "for (;;);", /used up its 1 s of CPU time and was killed/],
    [
      "stdout=256KiB",
      "for (;;) process.stdout.write('x'.repeat(1000) + '\\n');",
      /printed more than 256\.0 KiB in a second/,
    ],
  ] as const) {
    test(`a run with ${limit} says so of the one record that breaks it, and loses no other`, async () => {
      using space = new Workspace();
      space.write("in.ndjson", orders(ORDERS));
      space.write("stage.ts", perRecord(`if (row.id === ${POISON}) { ${body} }`));
      space.pipeline([`stage|stage.ts|${limit}|true|DEAD_LETTER|0|20s`], SETTINGS);
      const { code, summary } = await space.run();
      expect(code).toBe(0);
      expect(summary.faults).toEqual([]);
      expect(stageOf(summary, "stage")).toMatchObject({ in: ORDERS, out: ORDERS - 1, deadLettered: 1 });
      expect(space.letters()).toMatchObject([{ record: { id: POISON }, reason: expect.stringMatching(reason) }]);
    });
  }
});

describe("the environment of a stage", () => {
  test("a run passes the variables that the stage names, and no other", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(1));
    space.write("stage.ts", perRecord("row.env = Object.keys(process.env).sort();"));
    space.pipeline(["stage|stage.ts|env=WANTED;MISSING"], SETTINGS);
    const env = { WANTED: "1", SECRET: "2", LC_ALL: "C", DISTRIBUTED_SYSTEM_QUIET: "0" };
    expect((await space.run(undefined, { env })).code).toBe(0);
    expect(space.records("out.ndjson")[0]!.env).toEqual([
      "BUN_FEATURE_FLAG_NO_ORPHANS",
      "DISTRIBUTED_SYSTEM_HOST",
      "HOME",
      "LC_ALL",
      "PATH",
      "TZ",
      "WANTED",
    ]);
  });

  test("check and run pass the variable that a parameter called …_env names", async () => {
    using space = new Workspace();
    const KEY = createHash("sha256").update("not random, and long enough").digest("hex");
    space.write("in.ndjson", orders(10));
    space.pipeline([`hide|${PLUGINS}/encryption/index.ts|mode=encrypt,fields=id,key_env=THE_KEY`], SETTINGS);
    expect((await space.exec(["check", "pipeline.txt"])).stderr).toContain("environment variable THE_KEY is not set");
    const { code, summary } = await space.run(undefined, { env: { THE_KEY: KEY } });
    expect(code).toBe(0);
    expect(summary.written).toBe(10);
  });
});

describe("what a stage's plugin has started", () => {
  test("a run that comes to its end leaves none of it alive", async () => {
    using space = new Workspace();
    await using runaways = new Runaways(space);
    space.write("in.ndjson", orders(10));
    const told = `while (!${JSON.stringify(["plain", "setsid", "detached", "double_fork"])}.every((name) =>
      existsSync(${JSON.stringify(space.path)} + "/" + name))) await Bun.sleep(5);`;
    const top = 'import { existsSync } from "node:fs";';
    space.write("stage.ts", plugin({ top, init: `${runaways.source}\n${told}` }));
    space.pipeline(["stage|stage.ts|"], SETTINGS);
    expect((await space.run()).summary.run).toBe("ended");
    await runaways.pids();
    await runaways.allGone();
  });

  test("kill -9 of a run leaves none of it alive, nor a host in a busy loop", async () => {
    using space = new Workspace();
    await using runaways = new Runaways(space);
    space.write("in.ndjson", orders(10));
    space.write("stage.ts", plugin({ init: runaways.source, batch: "for (;;);" }));
    space.pipeline(["stage|stage.ts||true|FAIL_FAST|0|1h"], SETTINGS);
    await using program = space.start(["run", "pipeline.txt"]);
    const pids = await runaways.pids();
    const hosts = await program.until("a host runs", () => program.hosts().length > 0 && program.hosts());
    expect(pids.every(isAlive)).toBe(true);
    program.signal("SIGKILL");
    await program.done;
    await runaways.allGone();
    await until("the hosts are gone", () => hosts.every(isGone));
  });
});

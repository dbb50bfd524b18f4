/** What only shows when several things come together: runs beside and after each other, resumed twice, files that meet. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { orders } from "../support/orders.ts";
import { perRecord, plugin } from "../support/plugins.ts";
import { until } from "../support/until.ts";
import { stageOf, Workspace } from "../support/workspace.ts";

const ids = (space: Workspace): unknown[] => space.records("out.ndjson").map(({ id }) => id);
const sorted = (values: unknown[]): unknown[] => values.toSorted((left, right) => Number(left) - Number(right));
const all = (count: number): number[] => Array.from({ length: count }, (_, id) => id);

describe("a run", () => {
  test("without order that is killed, resumed, stopped and resumed again writes every record once", async () => {
    const total = 1_200;
    using space = new Workspace();
    space.write("in.ndjson", orders(total));
    // The batch with record 40 waits for the gate; the others go ahead and are written before it.
    const wait = `if (batch.row(0).id === 40) while (!existsSync("gate")) await Bun.sleep(2);`;
    space.write("stage.ts", plugin({ top: 'import { existsSync } from "node:fs";', batch: wait }));
    space.pipeline(["stage|stage.ts|lanes=2|true|DEAD_LETTER|3|60s"], {
      settings: "batch_rows=20,ordered=false,checkpoint_interval=10ms,in_flight=16,max_restarts=1000",
    });
    await using first = space.start(["run", "pipeline.txt"]);
    await until(
      "batches are written ahead",
      () => space.sizeOf("out.ndjson") > 3_000 && space.stateFile("checkpoint.db") !== undefined,
    );
    await first.killHard();
    for (let round = 0; round < 3; round++) {
      await using again = space.start(["run", "pipeline.txt"]);
      await until("it goes on", () => again.stderr.includes("going on") || again.hosts().length > 0);
      again.signal("SIGTERM");
      space.write("gate", "");
      await again.done;
    }
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(summary.faults).toEqual([]);
    expect(sorted(ids(space))).toEqual(all(total));
  });

  test("rescues records of many batches at once by FALLBACK", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(200));
    space.write("stage.ts", perRecord('if (row.id % 10 === 3) throw new Error("no");'));
    space.write("other.ts", perRecord("row.by = 'other';"));
    space.pipeline(["stage|stage.ts|lanes=2,fallback=other.ts|true|FALLBACK|0|10s"], { settings: "batch_rows=10" });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(stageOf(summary, "stage")).toMatchObject({ in: 200, out: 200, deadLettered: 0 });
    expect(space.records("out.ndjson").filter(({ by }) => by === "other")).toHaveLength(20);
  });

  test("keeps the dead letters of the run before, until it is told to start over", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(20));
    space.write("stage.ts", perRecord('if (row.id === 5) batch.reject(batch.index, "no");'));
    space.pipeline(["stage|stage.ts|"]);
    await space.run();
    await space.run();
    expect(space.letters().map(({ record }) => record!.id)).toEqual([5, 5]);
    await space.run(["pipeline.txt", "--fresh"]);
    expect(space.letters().map(({ record }) => record!.id)).toEqual([5]);
  });

  test("is refused while another pipeline writes the same output", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(100));
    const wait = 'while (!existsSync("gate")) await Bun.sleep(2);';
    space.write("stage.ts", plugin({ top: 'import { existsSync } from "node:fs";', batch: wait }));
    space.pipeline(["stage|stage.ts||true|DEAD_LETTER|3|60s"]);
    space.write("second.txt", space.text("pipeline.txt"));
    await using first = space.start(["run", "pipeline.txt"]);
    await until("the first one runs", () => space.exists("out.ndjson"));
    const second = await space.exec(["run", "second.txt"]);
    expect(second.code).toBe(78);
    expect(second.stderr).toContain("out.ndjson is being written by another run");
    space.write("gate", "");
    expect((await first.done).code).toBe(0);
  });

  for (const [what, source, sink] of [
    ["is in the source's glob", "ndjson|path=*.ndjson", "ndjson|path=out.ndjson"],
    ["is the source", "ndjson|path=in.ndjson", "ndjson|path=./in.ndjson"],
  ] as const) {
    test(`is refused when its output ${what}, and the input stays whole`, async () => {
      using space = new Workspace();
      space.write("in.ndjson", orders(10));
      space.pipeline([], { source, sink });
      const { code, stderr } = await space.exec(["run", "pipeline.txt"]);
      expect(code).toBe(78);
      expect(stderr).toContain("each needs a file of its own");
      expect(space.records("in.ndjson")).toHaveLength(10);
    });
  }

  test("whose plugin refuses to start ends at once and leaves the old output alone", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(10));
    writeFileSync(space.at("out.ndjson"), '{"old":1}\n');
    space.write("stage.ts", plugin({ init: 'throw new Error("no key");' }));
    space.pipeline(["stage|stage.ts|"]);
    const { code, stderr } = await space.exec(["run", "pipeline.txt"]);
    expect(code).toBe(78);
    expect(stderr).toContain("no key");
    expect(space.text("out.ndjson")).toBe('{"old":1}\n');
  });

  test("tells which stage was changed when it goes on with other parameters", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(2_000));
    const parts = { top: 'import { existsSync } from "node:fs";', params: '{ mark: param.string("mark") }' };
    const wait = 'if (batch.row(0).id >= 200) while (!existsSync("gate")) await Bun.sleep(2);';
    space.write("stage.ts", plugin({ ...parts, batch: wait }));
    space.pipeline(["stage|stage.ts|mark=a|true|DEAD_LETTER|3|60s"], {
      settings: "batch_rows=20,checkpoint_interval=10ms",
    });
    await using first = space.start(["run", "pipeline.txt"]);
    await until("half is written", () => space.sizeOf("out.ndjson") > 0);
    first.signal("SIGTERM");
    space.write("gate", "");
    await first.done;
    space.pipeline(["stage|stage.ts|mark=b|true|DEAD_LETTER|3|60s"], {
      settings: "batch_rows=20,checkpoint_interval=10ms",
    });
    const { code, stderr } = await space.exec(["run", "pipeline.txt"]);
    expect(code).toBe(0);
    expect(stderr).toContain("stage stage was changed since this run began");
    expect(ids(space)).toEqual(all(2_000));
  });
});

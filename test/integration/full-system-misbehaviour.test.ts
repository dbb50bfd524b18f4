/** Plugins that do what no plugin should: end in the middle, write over the control channel, flood their output, outgrow their memory. */
import { describe, expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { perRecord, plugin } from "../support/plugins.ts";
import { stageOf, Workspace } from "../support/workspace.ts";

const ORDERS = 1_000;
const POISON = 555;
const KIB = 1024;
const MIB = 1024 * KIB;

interface Parts {
  readonly settings?: string;
  readonly params?: string;
  readonly timeout?: string;
  readonly rows?: number;
}

function pipelineWith(source: string, { settings, params = "", timeout = "10s", rows = 100 }: Parts = {}): Workspace {
  const space = new Workspace();
  space.write("in.ndjson", orders(ORDERS));
  space.write("stage.ts", source);
  const all = `batch_rows=${rows},max_restarts=1000,restart_period=100ms${settings ? `,${settings}` : ""}`;
  space.pipeline([`stage|stage.ts|${params}|true|DEAD_LETTER|1|${timeout}`], { settings: all });
  return space;
}

async function expectOnlyPoisonDead(space: Workspace, reason: RegExp): Promise<void> {
  const { code, summary } = await space.run();
  expect(code).toBe(0);
  expect(summary.faults).toEqual([]);
  expect(stageOf(summary, "stage")).toMatchObject({ in: ORDERS, out: ORDERS - 1, deadLettered: 1 });
  const letters = space.letters();
  expect(letters[0]).toMatchObject({ record: { id: POISON } });
  expect(letters[0]!.reason).toMatch(reason);
}

describe("a plugin", () => {
  test("that exits with code 0 in the middle of a batch has failed that batch", async () => {
    using space = pipelineWith(perRecord(`if (row.id === ${POISON}) process.exit(0);`));
    await expectOnlyPoisonDead(space, /exited with code 0/);
  });

  test("that writes garbage over its control channel is killed for it", async () => {
    using space = pipelineWith(
      perRecord(`if (row.id === ${POISON}) { writeSync(3, "surprise\\n"); for (;;); }`, {
        top: 'import { writeSync } from "node:fs";',
      }),
    );
    await expectOnlyPoisonDead(space, /wrote garbage to the control channel: "surprise"/);
  });

  for (const [what, forged] of [
    ["without sizes", { t: "done", request: 1 }],
    ["without numbers", { t: "done", request: 1, sizes: [0, 0, 0], counts: {} }],
    ["without an error", { t: "failed", request: 1 }],
  ] as const) {
    test(`that forges an answer ${what} is killed for it`, async () => {
      const line = JSON.stringify(`${JSON.stringify(forged)}\n`);
      using space = pipelineWith(
        perRecord(`if (row.id === ${POISON}) { writeSync(3, ${line}); for (;;); }`, {
          top: 'import { writeSync } from "node:fs";',
        }),
      );
      await expectOnlyPoisonDead(space, /wrote garbage to the control channel: /);
    });
  }

  test("that reads a field of a null pointer in native code is gone at once, and only its record with it", async () => {
    using space = pipelineWith(
      perRecord(`if (row.id === ${POISON}) read.u8(8);`, { top: 'import { read } from "bun:ffi";' }),
    );
    await expectOnlyPoisonDead(space, /was killed by SIGSEGV/);
  });

  test("that forges an answer is killed for it", async () => {
    const counts = { total: 0, malformed: 0, in: 0, out: 0, filtered: 0, rejected: 0, added: 0 };
    const forged = JSON.stringify({ t: "done", request: 1, sizes: [2 ** 40, 0, 0], counts });
    using space = pipelineWith(
      perRecord(`if (row.id === ${POISON}) { writeSync(3, ${JSON.stringify(`${forged}\n`)}); for (;;); }`, {
        top: 'import { writeSync } from "node:fs";',
      }),
    );
    await expectOnlyPoisonDead(space, /answered done out of turn|claims \d+ bytes in a slot/);
  });

  test("that closes its control channel and lives on is killed for it", async () => {
    using space = pipelineWith(
      perRecord(`if (row.id === ${POISON}) { closeSync(3); for (;;); }`, {
        top: 'import { closeSync } from "node:fs";',
      }),
      { timeout: "150ms" },
    );
    await expectOnlyPoisonDead(space, /closed its control channel|did not finish a batch/);
  });

  test("that prints much holds nobody up, and its lines are cut to a length and a number", async () => {
    using space = pipelineWith(
      plugin({
        batch: `for (let n = 0; n < 40; n++) process.stdout.write("x".repeat(100_000));
          for (let n = 0; n < 2_000; n++) process.stderr.write("line " + n + "\\n");`,
      }),
      { params: "stdout=1GiB,lanes=1" },
    );
    const { code, summary, stderr } = await space.run();
    expect(code).toBe(0);
    expect(summary.written).toBe(ORDERS);
    const shown = stderr.match(/\[stage\] line \d+$/gm)!.length;
    const leftOut = Array.from(stderr.matchAll(/\(([\d,]+) lines left out: /g), ([, count]) =>
      Number(count!.replaceAll(",", "")),
    );
    expect(shown).toBeLessThan(20_000);
    expect(shown + leftOut.reduce((sum, count) => sum + count, 0)).toBeWithin(20_000, 20_012); // and the x without an end
    expect(Math.max(...stderr.split("\n").map((line) => line.length))).toBeLessThan(3_000);
  });

  test("that never lets go of the event loop after its batches is stopped in time", async () => {
    using space = pipelineWith(plugin({ init: "setInterval(() => {}, 1);", cleanup: "await new Promise(() => {});" }), {
      settings: "stop_timeout=200ms",
    });
    expect((await space.run()).summary).toMatchObject({ run: "ended", written: ORDERS });
  });
});

describe("a batch", () => {
  test("that outgrows its slot gets a larger one", async () => {
    using space = pipelineWith(perRecord('row.blob = "b".repeat(20 * 1024);'), {
      settings: "memory=16MiB,batch_bytes=64KiB,max_record_bytes=64KiB,in_flight=8",
    });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(stageOf(summary, "stage")).toMatchObject({ out: ORDERS, deadLettered: 0 });
    const records = space.records("out.ndjson");
    expect(records.map(({ id }) => id)).toEqual(Array.from({ length: ORDERS }, (_, id) => id));
    expect(records.every(({ blob }) => typeof blob === "string" && blob.length === 20 * KIB)).toBe(true);
  });

  test("that outgrows its share does not hold up an older one that comes later", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(ORDERS));
    const files = 'import { existsSync, writeFileSync } from "node:fs";';
    space.write(
      "first-last.ts",
      plugin({
        top: files,
        batch: 'if (batch.row(0).id === 0) while (!existsSync("overtaken")) await Bun.sleep(2);',
      }),
    );
    space.write(
      "large.ts",
      perRecord('row.blob = "b".repeat(60 * 1024);', { top: files, finish: "" }).replace(
        "async processBatch(batch, context) {",
        'async processBatch(batch, context) { if (batch.row(0).id > 0) writeFileSync("overtaken", "");',
      ),
    );
    space.pipeline(["first_last|first-last.ts|lanes=2", "large|large.ts|"], {
      settings: "batch_rows=50,memory=16MiB,batch_bytes=64KiB,max_record_bytes=64KiB,in_flight=8",
    });
    const { code } = await space.run();
    expect(code).toBe(0);
    expect(space.records("out.ndjson").map(({ id }) => id)).toEqual(Array.from({ length: ORDERS }, (_, id) => id));
  });

  test("that no slot can hold goes to the dead letters, record by record as far as that helps", async () => {
    using space = pipelineWith(perRecord(`if (row.id === ${POISON}) row.blob = "b".repeat(6 * 1024 * 1024);`), {
      settings: "memory=8MiB,batch_bytes=64KiB,in_flight=4",
    });
    await expectOnlyPoisonDead(space, /bytes large, more than a slot can hold/);
  });

  test("that no slot can hold although each record fits stops with the remedy and drops nobody", async () => {
    using space = pipelineWith(perRecord('row.blob = "b".repeat(60 * 1024);'), {
      settings: "memory=8MiB,batch_bytes=64KiB,max_record_bytes=64KiB,in_flight=4",
    });
    const { code, stderr, summary } = await space.run();
    expect(code).toBe(1);
    expect(stderr).toContain("lower batch_rows or raise memory");
    expect(stageOf(summary, "stage")).toMatchObject({ deadLettered: 0 });
  });

  test("in which every record outgrows everything ends as dead letters, not in a hang", async () => {
    using space = pipelineWith(perRecord('row.blob = "b".repeat(6 * 1024 * 1024);'), {
      settings: "memory=8MiB,batch_bytes=64KiB,in_flight=4",
      rows: 5,
    });
    space.write("in.ndjson", orders(20));
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(stageOf(summary, "stage")).toMatchObject({ in: 20, out: 0, deadLettered: 20 });
  });

  test("whose dead letters do not fit beside it comes through all the same", async () => {
    using space = pipelineWith(
      perRecord('if (row.id % 2 === 0) { row.blob = "b".repeat(30 * 1024); batch.reject(batch.index, "even"); }'),
      { settings: "memory=16MiB,batch_bytes=64KiB,max_record_bytes=64KiB,in_flight=8" },
    );
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(stageOf(summary, "stage")).toMatchObject({ out: ORDERS / 2, deadLettered: ORDERS / 2 });
    expect(space.letters().map(({ record }) => record!.id)).toEqual(
      Array.from({ length: ORDERS / 2 }, (_, n) => 2 * n),
    );
  });

  test("cannot begin with a record longer than max_record_bytes, which becomes a dead letter", async () => {
    using space = new Workspace();
    const long = JSON.stringify({ id: 1, blob: "b".repeat(3 * MIB) });
    space.write("in.ndjson", `${orders(100)}${long}\n${orders(100)}`);
    space.pipeline([], { settings: "batch_rows=50" });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(stageOf(summary, "source")).toMatchObject({ in: 201, out: 200, deadLettered: 1 });
    expect(space.letters()[0]).toMatchObject({ stage: "source", line: 101 });
  });
});

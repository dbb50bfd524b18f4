/**
 * One record that breaks its plugin, by throwing, by taking the process down, or by never coming back: only that record
 * takes the policy's fate, whatever the policy; all others come through, and the counts say so.
 */
import { describe, expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { perRecord, plugin } from "../support/plugins.ts";
import { stageOf, Workspace } from "../support/workspace.ts";

const ORDERS = 400;
const POISON = 237;
const ALL_OTHERS = Array.from({ length: ORDERS }, (_, id) => id).filter((id) => id !== POISON);

/** What the plugin does when it meets the record, and how the reason reads. */
const HARMS = {
  throws: ["throw new Error('cannot bear it')", /cannot bear it \(at .*stage\.ts:\d+:\d+\)/],
  exits: ["process.exit(3)", /exited with code 3/],
  "is killed": ["process.kill(process.pid, 'SIGKILL'); for (;;);", /was killed by SIGKILL/],
  loops: ["for (;;);", /did not finish a batch within 300 ms/],
} as const;

type Harm = keyof typeof HARMS;

/** Each halving on the way to the one record costs a process for three of the harms. */
const HARMED_ROWS = 4;

function harmful(harm: Harm): string {
  return perRecord(`if (row.id === ${POISON}) { ${HARMS[harm][0]} } row.seen = true;`);
}

interface Parts {
  readonly params?: string;
  readonly plugin: string;
  readonly batchRows?: number;
  readonly harm?: Harm;
}

function pipelineWith(policy: string, parts: Parts): Workspace {
  const space = new Workspace();
  space.write("in.ndjson", orders(ORDERS));
  space.write("stage.ts", parts.plugin);
  // Short where a loop is to be ended; elsewhere nothing may run into it, on however busy a machine.
  const timeout = parts.harm === "loops" ? "300ms" : "20s";
  const line = `stage|stage.ts|${parts.params ?? ""}|true|${policy}|1|${timeout}`;
  space.pipeline(["first|pass.ts|", line], {
    settings: `batch_rows=${parts.batchRows ?? 64},max_restarts=1000,restart_period=100ms,backoff=1ms`,
  });
  space.write("pass.ts", plugin({}));
  return space;
}

function ids(space: Workspace): unknown[] {
  return space.records("out.ndjson").map(({ id }) => id);
}

for (const harm of Object.keys(HARMS) as Harm[]) {
  const reason = HARMS[harm][1];

  describe(`a record that ${harm}`, () => {
    for (const policy of ["RETRY_WITH_BACKOFF", "DEAD_LETTER", "FAILOVER"]) {
      test(`${policy} puts it alone into the dead letters`, async () => {
        using space = pipelineWith(policy, { harm, plugin: harmful(harm), batchRows: HARMED_ROWS });
        const { code, summary } = await space.run();
        expect(code).toBe(0);
        expect(ids(space)).toEqual(ALL_OTHERS);
        expect(stageOf(summary, "stage")).toMatchObject({ in: ORDERS, out: ORDERS - 1, deadLettered: 1, skipped: 0 });
        const letters = space.letters();
        expect(letters).toHaveLength(1);
        expect(letters[0]).toMatchObject({ stage: "stage", attempts: 2, record: { id: POISON } });
        expect(letters[0]!.reason).toMatch(reason);
        expect(letters[0]!.record).not.toHaveProperty("seen");
      });
    }

    test("SKIP_AND_CONTINUE leaves it out and counts it as skipped", async () => {
      using space = pipelineWith("SKIP_AND_CONTINUE", { harm, plugin: harmful(harm), batchRows: HARMED_ROWS });
      const { code, summary } = await space.run();
      expect(code).toBe(0);
      expect(ids(space)).toEqual(ALL_OTHERS);
      expect(stageOf(summary, "stage")).toMatchObject({ in: ORDERS, out: ORDERS - 1, deadLettered: 0, skipped: 1 });
      expect(space.letters()).toEqual([]);
    });

    test("FALLBACK hands it alone to the other library, with its parameters", async () => {
      using space = pipelineWith("FALLBACK", {
        harm,
        plugin: harmful(harm),
        batchRows: HARMED_ROWS,
        params: "fallback=other.ts,fallback.mark=rescued",
      });
      space.write("other.ts", perRecord("row.by = context.params.mark;", { params: '{ mark: param.string("mark") }' }));
      const { code, summary } = await space.run();
      expect(code).toBe(0);
      expect(ids(space).toSorted((a, b) => Number(a) - Number(b))).toEqual(ALL_OTHERS.toSpliced(POISON, 0, POISON));
      expect(space.records("out.ndjson").filter(({ by }) => by === "rescued")).toEqual([
        expect.objectContaining({ id: POISON }),
      ]);
      expect(stageOf(summary, "stage")).toMatchObject({ in: ORDERS, out: ORDERS, deadLettered: 0, skipped: 0 });
    });

    test("FAIL_FAST stops there and writes nothing of that batch or behind it", async () => {
      using space = pipelineWith("FAIL_FAST", { harm, plugin: harmful(harm), batchRows: HARMED_ROWS });
      const { code, summary, stderr } = await space.run();
      expect(code).toBe(1);
      expect(summary).toMatchObject({ run: "failed", faults: [] });
      expect(stderr).toMatch(reason);
      expect(stderr).toContain("stage stage: batch in.ndjson@");
      const written = ids(space);
      expect(written).toEqual(ALL_OTHERS.slice(0, written.length));
      expect(written.length).toBeLessThanOrEqual(Math.floor(POISON / HARMED_ROWS) * HARMED_ROWS);
      expect(space.letters()).toEqual([]);

      space.write("stage.ts", perRecord("row.seen = true;"));
      const mended = await space.run();
      expect(mended.code).toBe(0);
      expect(ids(space)).toEqual(ALL_OTHERS.toSpliced(POISON, 0, POISON));
    });
  });
}

describe("policies", () => {
  test("FALLBACK puts a record that both libraries fail on into the dead letters, with both reasons", async () => {
    using space = pipelineWith("FALLBACK", { plugin: harmful("throws"), params: "fallback=other.ts" });
    space.write("other.ts", perRecord("throw new Error('nor can I');"));
    const { code } = await space.run();
    expect(code).toBe(0);
    expect(ids(space)).toEqual(ALL_OTHERS);
    expect(space.letters()[0]!.reason).toMatch(/cannot bear it.*; then .*nor can I/);
  });

  test("FAILOVER brings a record through that only a used process fails on", async () => {
    using space = pipelineWith("FAILOVER", {
      plugin: perRecord(
        `if (row.id === ${POISON} && worn) throw new Error("worn out");
         if (row.id === ${POISON - 100}) worn = true;`,
        { top: "let worn = false;" },
      ),
    });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(summary.written).toBe(ORDERS);
    expect(space.letters()).toEqual([]);
  });

  test("a stateful plugin's state does not contain the poison record, and is right after the replay", async () => {
    for (const harm of Object.keys(HARMS) as Harm[]) {
      using space = pipelineWith("DEAD_LETTER", {
        harm,
        plugin: plugin({
          top: "let count = 0;",
          batch: `for (const row of batch) { count++; if (row.id === ${POISON}) { ${HARMS[harm][0]} } row.count = count; }`,
          finish: "batch.append({ count });",
          snapshot: "return count;",
          restore: "count = state;",
        }),
        batchRows: HARMED_ROWS,
      });
      const { code, summary } = await space.run();
      expect(code).toBe(0);
      const counts = space.records("out.ndjson").map(({ count }) => count);
      expect(counts).toEqual([...ALL_OTHERS.map((_, index) => index + 1), ORDERS - 1]);
      expect(stageOf(summary, "stage")).toMatchObject({ in: ORDERS, deadLettered: 1, added: 1 });
    }
  });

  test("ten records that crash are ten dead letters, under the settings that a pipeline has by itself", async () => {
    using space = pipelineWith("DEAD_LETTER", { plugin: perRecord("if (row.id % 40 === 7) process.exit(1);") });
    space.pipeline(["stage|stage.ts||true|DEAD_LETTER|3|10s"], { settings: "batch_rows=20" });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(stageOf(summary, "stage")).toMatchObject({ out: ORDERS - 10, deadLettered: 10 });
    expect(space.letters().map(({ record }) => record!.id)).toEqual(Array.from({ length: 10 }, (_, n) => 40 * n + 7));
  });

  test("a transient failure costs nothing but a retry", async () => {
    using space = pipelineWith("RETRY_WITH_BACKOFF", {
      plugin: perRecord(
        `if (row.id === ${POISON} && !existsSync("tried")) { writeFileSync("tried", ""); throw new Error("not now"); }`,
        { top: 'import { existsSync, writeFileSync } from "node:fs";' },
      ),
    });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(stageOf(summary, "stage")).toMatchObject({ out: ORDERS, deadLettered: 0, retries: 1 });
    expect(space.text("out.ndjson")).toBe(space.text("in.ndjson"));
  });

  test("a stateful plugin's state is right after every crash when batches are small and snapshots many", async () => {
    using space = pipelineWith("RETRY_WITH_BACKOFF", {
      plugin: plugin({
        top: 'import { existsSync, writeFileSync } from "node:fs"; let count = 0;',
        batch: `for (const row of batch) {
            if (row.id % 211 === 100 && !existsSync("crashed" + row.id)) {
              writeFileSync("crashed" + row.id, "");
              process.exit(1);
            }
            row.count = ++count;
          }`,
        snapshot: "return count;",
        restore: "count = state;",
      }),
    });
    const many = 3_000;
    space.write("in.ndjson", orders(many));
    space.pipeline(["stage|stage.ts||true|RETRY_WITH_BACKOFF|3|10s"], {
      settings: "batch_rows=3,checkpoint_interval=10ms,backoff=1ms,max_restarts=1000",
    });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(stageOf(summary, "stage").restarts).toBe(Math.ceil((many - 100) / 211));
    expect(space.records("out.ndjson").map(({ count }) => count)).toEqual(
      Array.from({ length: many }, (_, n) => n + 1),
    );
  });

  test("a sequential plugin sees no later batch before one that failed", async () => {
    using space = pipelineWith("DEAD_LETTER", {
      plugin: plugin({
        sequential: true,
        top: 'import { appendFileSync, existsSync, writeFileSync } from "node:fs";',
        batch: `const first = batch.row(0).id;
          if (first <= ${POISON} && ${POISON} < first + batch.length && !existsSync("tried")) {
            writeFileSync("tried", "");
            for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate); // the next batch comes in meanwhile
            throw new Error("not now");
          }
          appendFileSync("seen", first + "\\n");`,
      }),
    });
    expect((await space.run()).code).toBe(0);
    const seen = space.text("seen").trim().split("\n").map(Number);
    expect(seen).toEqual(Array.from({ length: Math.ceil(ORDERS / 64) }, (_, batch) => batch * 64));
  });

  test("every record is accounted for when every record is poison", async () => {
    for (const [policy, fate] of [
      ["DEAD_LETTER", "deadLettered"],
      ["SKIP_AND_CONTINUE", "skipped"],
    ] as const) {
      using space = pipelineWith(policy, { plugin: perRecord("throw new Error('never');") });
      const { code, summary } = await space.run();
      expect(code).toBe(0);
      expect(stageOf(summary, "stage")).toMatchObject({ in: ORDERS, out: 0, [fate]: ORDERS });
      expect(space.text("out.ndjson")).toBe("");
    }
  });

  for (const policy of ["DEAD_LETTER", "FAILOVER"]) {
    test(`${policy} puts records that fail only together into the dead letters together`, async () => {
      using space = pipelineWith(policy, {
        plugin: plugin({ batch: "if (batch.length > 40) throw new Error('too many at once');" }),
      });
      const { code, summary } = await space.run();
      expect(code).toBe(0);
      const last = ORDERS % 64; // the batch that is small enough
      expect(stageOf(summary, "stage")).toMatchObject({ in: ORDERS, out: last, deadLettered: ORDERS - last });
      expect(space.letters()).toHaveLength(ORDERS - last);
      expect(space.letters()[0]!.reason).toMatch(/too many at once.*only together with other records/);
    });
  }

  for (const [operation, parts] of [
    ["finish", { finish: "throw new Error('cannot do it');" }],
    ["snapshot", { snapshot: "throw new Error('cannot do it');", restore: "" }],
  ] as const) {
    test(`run stops, and says why, when ${operation} throws`, async () => {
      using space = pipelineWith("DEAD_LETTER", { plugin: plugin(parts) });
      const { code, summary, stderr } = await space.run();
      expect(code).toBe(1);
      expect(summary).toMatchObject({ run: "failed", faults: [] });
      expect(stderr).toContain("stage stage: batch in.ndjson@");
      expect(stderr).toMatch(/cannot do it \(at .*stage\.ts:\d+:\d+\)/);
    });
  }
});

/**
 * kill -9 of the main process, then the same command again: the output is what an undisturbed run gives, for every kind of
 * source and sink; and the rules of what may be continued.
 */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { globSync, mkdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { orders } from "../support/orders.ts";
import { GATE, plugin } from "../support/plugins.ts";
import type { Program } from "../support/program.ts";
import { Workspace, withSummary } from "../support/workspace.ts";

const ORDERS = 6_000;
/** Some batches lie in front of the gate and are committed, some wait behind it, some are not read yet. */
const STOP_AT = 3_000;
const INPUT = orders(ORDERS, { malformedOneIn: 100 });

/** Depends on every record before: a record lost or seen twice shows in all that follow. */
const RUNNING_SUM = plugin({
  top: "let sum = 0; let count = 0;",
  batch: "for (const row of batch) { sum += row.quantity; count++; row.sum = sum; }",
  finish: "batch.append({ id: -1, sum, quantity: count });",
  snapshot: "return { sum, count };",
  restore: "({ sum, count } = state);",
});

interface Case {
  readonly name: string;
  readonly source: string;
  readonly sink: string;
  readonly output: string;
  readonly stdin?: string;
  prepare(space: Workspace): void;
  read?(path: string): unknown;
}

const ndjsonInput = (space: Workspace): void => void space.write("in.ndjson", INPUT);
const NDJSON = "ndjson|path=in.ndjson";
const toNdjson = { sink: "ndjson|path=DIR/out.ndjson", output: "out.ndjson" } as const;

const CASES: readonly Case[] = [
  { name: "ndjson to ndjson", source: NDJSON, ...toNdjson, prepare: ndjsonInput },
  { name: "ndjson to csv", source: NDJSON, sink: "csv|path=DIR/out.csv", output: "out.csv", prepare: ndjsonInput },
  {
    name: "ndjson to arrow",
    source: NDJSON,
    sink: "arrow|path=DIR/out.arrow",
    output: "out.arrow",
    prepare: ndjsonInput,
  },
  {
    name: "ndjson to sqlite",
    source: NDJSON,
    sink: "sqlite|path=DIR/out.db",
    output: "out.db",
    prepare: ndjsonInput,
    read: sqliteRows,
  },
  {
    name: "gzip to ndjson",
    source: "ndjson|path=in.ndjson.gz",
    ...toNdjson,
    prepare: (space) => void space.write("in.ndjson.gz", gzipSync(INPUT)),
  },
  {
    name: "a glob of plain and gzip files to ndjson",
    source: "ndjson|path=parts/*",
    ...toNdjson,
    prepare(space) {
      const lines = INPUT.split("\n");
      for (let part = 0; part < 6; part++) {
        const text = `${lines.slice(part * 1_000, (part + 1) * 1_000).join("\n")}\n`;
        space.write(`parts/${part}.ndjson${part % 2 ? ".gz" : ""}`, part % 2 ? gzipSync(text) : text);
      }
    },
  },
  { name: "standard input to ndjson", source: "ndjson|path=-", ...toNdjson, stdin: INPUT, prepare() {} },
  {
    name: "csv to ndjson",
    source: "csv|path=in.csv",
    ...toNdjson,
    prepare: (space) => void space.write("in.csv", csvText()),
  },
];

describe("run after kill -9", () => {
  for (const each of CASES) {
    test(`run goes on to the very bytes of an undisturbed run when the main process was killed: ${each.name}`, async () => {
      using space = new Workspace();
      each.prepare(space);
      space.write("gate.ts", GATE);
      space.write("sum.ts", RUNNING_SUM);
      const options = each.stdin === undefined ? {} : { stdin: each.stdin };
      const read = each.read ?? ((path: string) => readFileSync(path));

      const calm = command(space, "calm", each);
      openGate(space, "calm");
      const reference = withSummary(await space.exec(calm, options));
      expect(reference.code, reference.stderr).toBe(0);
      expect(reference.summary.written).toBeGreaterThan(ORDERS * 0.9);

      const wild = command(space, "wild", each);
      await using program = space.start(wild, options);
      await untilAtTheGate(space, "wild", program);
      expect((await program.killHard()).signal).toBe("SIGKILL");
      openGate(space, "wild");
      const { code, summary, stderr } = withSummary(await space.exec(wild, options));
      expect(code, stderr).toBe(0);
      expect(summary.resumed).toBe(true);
      expect(read(space.at("wild", each.output))).toEqual(read(space.at("calm", each.output)));
      expect(summary.stages).toEqual(reference.summary.stages);
      expect(lettersOf(summary.deadLetters)).toEqual(lettersOf(reference.summary.deadLetters));
    });
  }

  test("run keeps the run's id when it was killed before its first checkpoint", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(1_000));
    space.write(
      "note.ts",
      plugin({
        top: 'import { appendFileSync, existsSync } from "node:fs";',
        init: 'appendFileSync("runs", context.run + "\\n");',
        batch: 'appendFileSync("batches", "."); while (!existsSync("gate")) await Bun.sleep(2);',
      }),
    );
    space.pipeline(["note|note.ts|"], { settings: "checkpoint_interval=1h,batch_rows=100" });
    await using program = space.start(["run", "pipeline.txt"]);
    await program.until("the plugin has a batch", () => space.sizeOf("batches") > 0);
    await program.killHard();
    space.write("gate", "");
    expect((await space.run()).code).toBe(0);
    const [first, second] = space.text("runs").split("\n");
    expect(second).toBe(first!);
    expect((await space.run()).code).toBe(0);
    expect(space.text("runs").split("\n")[2]).not.toBe(first!);
  });
});

describe("run of what may not be continued", () => {
  test("run starts anew when the run before has finished", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(500));
    space.pipeline([]);
    expect((await space.run()).summary).toMatchObject({ resumed: false, written: 500 });
    space.write("in.ndjson", orders(700, { seed: 2 }));
    expect((await space.run()).summary).toMatchObject({ resumed: false, written: 700 });
    expect(space.text("out.ndjson")).toBe(space.text("in.ndjson"));
  });

  test("run --fresh starts over when the run before was killed", async () => {
    using space = await interrupted();
    const other = orders(800, { seed: 3 });
    space.write("in.ndjson", other);
    space.write("gate", "");
    const { code, summary } = await space.run(["pipeline.txt", "--fresh"]);
    expect(code).toBe(0);
    expect(summary).toMatchObject({ resumed: false, written: 800 });
    expect(space.text("out.ndjson")).toBe(other);
  });

  for (const [what, settings, parts] of [
    ["source", "batch_rows=100", { source: "ndjson|path=other.ndjson" }],
    ["sink", "batch_rows=100", { sink: "ndjson|path=other-out.ndjson" }],
    ["batch_rows", "batch_rows=101", {}],
  ] as const) {
    test(`run refuses to continue, and says why, when the ${what} has changed`, async () => {
      using space = await interrupted();
      space.write("other.ndjson", orders(10));
      const before = space.text("out.ndjson");
      space.pipeline([GATE_STAGE], { settings: `checkpoint_interval=10ms,${settings}`, ...parts });
      const { code, stderr } = await space.exec(["run", "pipeline.txt"]);
      expect(code).toBe(78);
      expect(stderr).toContain(`an unfinished run of this pipeline had another ${what}`);
      expect(stderr).toContain("--fresh");
      expect(space.text("out.ndjson")).toBe(before);
    });
  }

  test("run refuses to continue when somebody has changed the output", async () => {
    using space = await interrupted();
    const output = space.text("out.ndjson");
    space.write("out.ndjson", output.replace(/"quantity":\d/g, '"quantity":0'));
    space.write("gate", "");
    const { code, stderr } = await space.exec(["run", "pipeline.txt"]);
    expect(code).toBe(1);
    expect(stderr).toContain("out.ndjson");
    expect(space.text("out.ndjson")).toContain('"quantity":0');
  });

  test("run refuses when the same pipeline is running already", async () => {
    using space = gated();
    await using program = space.start(["run", "pipeline.txt", "--json"]);
    await program.until("it has begun to write", () => space.sizeOf("out.ndjson") > 0);
    for (const args of [[], ["--fresh"]]) {
      const second = await space.exec(["run", "pipeline.txt", ...args]);
      expect(second.code).toBe(78);
      expect(second.stderr).toContain("running already");
    }
    space.write("gate", "");
    const { code, summary } = withSummary(await program.done);
    expect(code).toBe(0);
    expect(summary.written).toBe(ORDERS);
  });
});

const GATE_STAGE = `gate|gate.ts|gate=gate,stop_at=${STOP_AT}|true|RETRY_WITH_BACKOFF|3|60s`;

function gated(): Workspace {
  const space = new Workspace();
  space.write("in.ndjson", orders(ORDERS));
  space.write("gate.ts", GATE);
  space.pipeline([GATE_STAGE], { settings: "checkpoint_interval=10ms,batch_rows=100" });
  return space;
}

/** Killed in its middle. */
async function interrupted(): Promise<Workspace> {
  const space = gated();
  await using program = space.start(["run", "pipeline.txt"]);
  await untilAtTheGate(space, ".", program);
  await program.killHard();
  return space;
}

function command(space: Workspace, directory: string, { source, sink }: Case): string[] {
  mkdirSync(space.at(directory));
  const text = `set|batch_rows=100,checkpoint_interval=10ms,dead_letters=${directory}/dead.ndjson
in|source:${source}
gate|gate.ts|gate=${directory}/gate,stop_at=${STOP_AT}|true|RETRY_WITH_BACKOFF|3|60s
sum|sum.ts|
out|sink:${sink.replace("DIR", directory)}
`;
  space.write(`${directory}/pipeline.txt`, text);
  return ["run", `${directory}/pipeline.txt`, "--json", "--data-dir", `${directory}/state`];
}

function openGate(space: Workspace, directory: string): void {
  space.write(`${directory}/gate`, "");
}

/** Everything before the gate is through, and dead letters stand still: nothing moves any more. And a checkpoint says so, which a busy machine may owe for long. */
async function untilAtTheGate(space: Workspace, directory: string, program: Program): Promise<void> {
  const size = (): number =>
    ["out.ndjson", "out.csv", "out.arrow", "out.db-wal", "dead.ndjson"].reduce(
      (sum, name) => sum + space.sizeOf(`${directory}/${name}`),
      0,
    );
  let [before, stillFor] = [0, 0];
  await program.until("the run stands at the gate", () => {
    const now = size();
    stillFor = now > 0 && now === before ? stillFor + 1 : 0;
    before = now;
    return stillFor >= 25 && hasCommitted(space, directory);
  });
}

/** The checkpoint is locked while a run uses it: what was committed is looked for in the text of its log. */
function hasCommitted(space: Workspace, directory: string): boolean {
  const logs = globSync("state/pipelines/*/checkpoint.db-wal", { cwd: space.at(directory) });
  return logs.some((log) => /"seq":[1-9]/.test(readFileSync(space.at(directory, log), "latin1")));
}

function lettersOf(path: string): unknown[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const { time: _time, ...rest } = JSON.parse(line) as Record<string, unknown>;
      return rest;
    });
}

function sqliteRows(path: string): unknown[] {
  const database = new Database(path, { readonly: true });
  try {
    return database.query("SELECT rowid, * FROM records ORDER BY rowid").all();
  } finally {
    database.close();
  }
}

function csvText(): string {
  const rows = Array.from({ length: ORDERS }, (_, id) =>
    id % 100 === 7 ? `${id},"an open quote"x,1` : `${id},"note, with a comma\nand a line ""${id}""",${1 + (id % 9)}`,
  );
  return `id,note,quantity\n${rows.join("\n")}\n`;
}

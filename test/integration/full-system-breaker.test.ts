/**
 * A plugin that is sick for a while, and a circuit breaker before it: after a few failures the policy takes effect at once,
 * the plugin is asked again now and then, and works again once it is well. Every record is accounted for.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { orders } from "../support/orders.ts";
import { perRecord, plugin } from "../support/plugins.ts";
import { stageOf, Workspace } from "../support/workspace.ts";

const BATCH = 16;
/** Batches that meet the sick plugin, and batches behind them that come slowly, so that there is time to recover. */
const SICK = 20;
const SLOW = 40;
const ORDERS = BATCH * (SICK + SLOW);
const HALF_OPEN_AFTER_MS = 200;
const SLOW_MS = 15;

interface LoggedEvent {
  readonly stage: string;
  readonly event: string;
  readonly state?: string;
  readonly reason?: string;
}

/** Holds back all that come late until the file `gate` is there. */
const HOLD = plugin({
  top: 'import { existsSync } from "node:fs";',
  params: '{ gate: param.string("a file", { required: true }) }',
  batch: `if (batch.column("id").number(0) < ${BATCH * SICK}) return;
    while (!existsSync(context.params.gate)) await Bun.sleep(2);
    await Bun.sleep(${SLOW_MS});`,
});

/** Hangs until the file `well` is there. */
const HANGS = plugin({
  top: 'import { existsSync } from "node:fs";',
  params: '{ well: param.string("a file", { required: true }) }',
  batch: "while (!existsSync(context.params.well)) await Bun.sleep(2); for (const row of batch) row.seen = true;",
});

function pipelineWith(policy: string, more = ""): Workspace {
  const space = new Workspace();
  space.write("in.ndjson", orders(ORDERS));
  space.write("hold.ts", HOLD);
  space.write("sick.ts", HANGS);
  const params = `well=${space.at("well")},failure_threshold=2,half_open_after=${HALF_OPEN_AFTER_MS}ms${more}`;
  space.pipeline(
    [`hold|hold.ts|gate=${space.at("gate")}|true|FAIL_FAST|0|60s`, `sick|sick.ts|${params}|true|${policy}|1|300ms`],
    { settings: `batch_rows=${BATCH},lanes=1,backoff=1ms` },
  );
  return space;
}

function eventsOf(space: Workspace): LoggedEvent[] {
  if (!space.exists("events.ndjson")) return [];
  const lines = readFileSync(space.at("events.ndjson"), "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LoggedEvent);
}

function statesOf(space: Workspace): (string | undefined)[] {
  return eventsOf(space).flatMap(({ event, state }) => (event === "breaker" ? [state] : []));
}

function finishedBatches(space: Workspace): number {
  return eventsOf(space).filter(({ event, stage }) => event === "batch_done" && stage === "sick").length;
}

/** Runs it; the plugin recovers when all that met it sick are through. */
async function runThroughSickness(space: Workspace) {
  await using program = space.start(["run", "pipeline.txt", "--json", "--events", "events.ndjson"]);
  await program.until("the breaker is open", () => statesOf(space).includes("open"));
  await program.until("the batches of the sick time are through", () => finishedBatches(space) >= SICK);
  space.write("well", "");
  space.write("gate", "");
  const { code, stdout } = await program.done;
  const events = eventsOf(space);
  const timeouts = events.filter(({ event, reason }) => event === "host_exited" && reason?.includes("within 300 ms"));
  return { code, stage: stageOf(JSON.parse(stdout.trimEnd().split("\n").at(-1)!), "sick"), timeouts: timeouts.length };
}

describe("a plugin that hangs for a while, behind a circuit breaker", () => {
  for (const policy of ["SKIP_AND_CONTINUE", "DEAD_LETTER", "RETRY_WITH_BACKOFF", "FAILOVER", "FALLBACK"]) {
    test(`${policy} takes effect at once while it is open, and the plugin works again afterwards`, async () => {
      using space = pipelineWith(policy, policy === "FALLBACK" ? ",fallback=other.ts" : "");
      space.write("other.ts", perRecord("row.by = 'fallback';"));
      const { code, stage, timeouts } = await runThroughSickness(space);
      expect(code).toBe(0);
      const records = space.records("out.ndjson");
      const seen = records.filter((record) => record.seen === true);
      expect(stage.in).toBe(ORDERS);
      expect(stage.out + stage.filtered + stage.deadLettered + stage.skipped).toBe(ORDERS + stage.added);
      expect(seen.at(-1)).toMatchObject({ id: ORDERS - 1 });
      expect(seen.length).toBeLessThanOrEqual(BATCH * SLOW);
      const others = ORDERS - seen.length;
      if (policy === "SKIP_AND_CONTINUE") expect(stage.skipped).toBe(others);
      else if (policy === "FALLBACK") expect(records.filter(({ by }) => by === "fallback")).toHaveLength(others);
      else expect(stage.deadLettered).toBe(others);
      const letters = space.letters();
      expect(letters).toHaveLength(stage.deadLettered);
      for (const { reason } of letters)
        expect(reason).toMatch(/^the circuit breaker is open \(last failure: .*did not finish a batch within 300 ms/);
      expect(timeouts).toBeLessThan(SICK); // without a breaker two for each batch, and the search in each
      expect(statesOf(space).at(-1)).toBe("closed");
    });
  }

  test("FAIL_FAST stops the pipeline when it opens", async () => {
    using space = pipelineWith("FAIL_FAST");
    const { code, stderr, summary } = await space.run();
    expect(code).toBe(1);
    expect(summary).toMatchObject({ run: "failed", faults: [] });
    expect(stderr).toContain("the circuit breaker is open (last failure: ");
  });
});

const DYING = 4800;

describe("a plugin that always dies, behind a circuit breaker", () => {
  test("DEAD_LETTER writes every record's letter, and the probes do not use up the restarts", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(DYING));
    space.write("sick.ts", plugin({ batch: "process.kill(process.pid, 'SIGKILL'); for (;;);" }));
    space.pipeline(["sick|sick.ts|failure_threshold=2,half_open_after=10ms|true|DEAD_LETTER|1|10s"], {
      settings: "batch_rows=16,lanes=2,max_restarts=4,restart_period=1h",
    });
    const { code, stderr, summary } = await space.run();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stageOf(summary, "sick")).toMatchObject({ in: DYING, out: 0, deadLettered: DYING });
    expect(stageOf(summary, "sick").restarts).toBeGreaterThan(4);
    expect(
      space
        .letters()
        .map(({ record }) => Number(record?.id))
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: DYING }, (_, id) => id));
  });
});

const COUNTED = 9600;

describe("a plugin with state, behind a circuit breaker", () => {
  test("its state holds exactly the records that it was given", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(COUNTED));
    const counting = plugin({
      top: "let count = 0;",
      batch: `const first = batch.column("id").number(0);
        if (first >= 400 && first < 1200) throw new Error("sick");
        count += batch.length;`,
      finish: "batch.append({ count });",
      snapshot: "return new TextEncoder().encode(String(count));",
      restore: "count = Number(new TextDecoder().decode(state));",
    });
    space.write("count.ts", counting);
    space.pipeline(["count|count.ts|failure_threshold=2,half_open_after=10ms|true|SKIP_AND_CONTINUE|1|10s"], {
      settings: "batch_rows=16,max_restarts=1000",
    });
    const { code, stderr, summary } = await space.run();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const stage = stageOf(summary, "count");
    expect(stage.in).toBe(COUNTED);
    expect(stage.skipped).toBeGreaterThanOrEqual(800);
    expect(stage.skipped).toBeLessThan(COUNTED - 400);
    expect(space.records("out.ndjson").at(-1)).toEqual({ count: COUNTED - stage.skipped });
    expect(stage.out).toBe(COUNTED - stage.skipped + 1);
  });
});

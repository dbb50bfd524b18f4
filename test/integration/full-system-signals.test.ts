/** How a run ends when it is told to, and that nothing of it stays behind however it ends. */
import { describe, expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { GATE, perRecord, plugin } from "../support/plugins.ts";
import { hostsOf, isGone, sharedMemoryFiles } from "../support/processes.ts";
import type { Program } from "../support/program.ts";
import { until } from "../support/until.ts";
import { Workspace, withSummary } from "../support/workspace.ts";

const ORDERS = 10_000;
const COMMAND = ["run", "pipeline.txt", "--json"];

/** Some 200 batches of 5 ms: long enough to be caught on any machine, short enough to wait for. */
function slowPipeline(): Workspace {
  const space = new Workspace();
  space.write("in.ndjson", orders(ORDERS));
  space.write("slow.ts", plugin({ batch: "await Bun.sleep(5);" }));
  space.pipeline(["slow|slow.ts|", "again|slow.ts|"], { settings: "batch_rows=50,checkpoint_interval=50ms" });
  return space;
}

/** The second stage never comes back from its first batch, and cannot be asked to. */
function loopingPipeline(): Workspace {
  const space = new Workspace();
  space.write("in.ndjson", orders(1_000));
  space.write("pass.ts", plugin({}));
  space.write("loop.ts", plugin({ init: "await Bun.write('looping', '');", batch: "for (;;);" }));
  space.pipeline(["pass|pass.ts|", "loop|loop.ts||true|DEAD_LETTER|0|1h"], { settings: "batch_rows=50" });
  return space;
}

async function untilLooping(space: Workspace, program: Program): Promise<number[]> {
  await program.until("the plugin loops", () => space.exists("looping"));
  return program.until("both hosts are up", () => program.hosts().length === 2 && program.hosts());
}

async function expectNothingLeft(program: Program, hosts: readonly number[]): Promise<void> {
  await until(`hosts ${hosts.join(", ")} are gone`, () => hosts.every(isGone));
  expect(hostsOf(program.pid)).toEqual([]);
  expect(sharedMemoryFiles(program.pid)).toEqual([]);
}

describe("run under signals", () => {
  for (const [signal, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    test(`run finishes what is under way and exits ${exitCode} when ${signal} comes, and goes on later`, async () => {
      using space = slowPipeline();
      await using program = space.start(COMMAND);
      await program.until("it writes", () => space.sizeOf("out.ndjson") > 0);
      const hosts = program.hosts();
      expect(hosts).toHaveLength(2);
      for (const host of hosts) process.kill(host, signal); // a terminal tells the whole group
      program.signal(signal);
      const stopped = withSummary(await program.done);
      expect(stopped.code).toBe(exitCode);
      expect(stopped.summary).toMatchObject({ run: "stopped", faults: [] });
      expect(stopped.summary.stages.map(({ restarts }) => restarts)).toEqual([0, 0, 0]);
      expect(stopped.summary.written).toBeLessThan(ORDERS);
      expect(space.records("out.ndjson")).toHaveLength(stopped.summary.written);
      expect(stopped.stderr).toContain(`${signal}: finishing what is under way`);
      await expectNothingLeft(program, hosts);

      const rest = await space.run();
      expect(rest.code).toBe(0);
      expect(rest.summary).toMatchObject({ run: "ended", resumed: true, written: ORDERS });
      expect(space.text("out.ndjson")).toBe(space.text("in.ndjson"));
    });
  }

  test("run gives up at once when a second signal comes, and can be resumed", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(ORDERS));
    space.write("gate.ts", GATE);
    space.pipeline(["gate|gate.ts|gate=gate,stop_at=5000|true|DEAD_LETTER|0|1h"], {
      settings: "batch_rows=100,checkpoint_interval=10ms",
    });
    await using program = space.start(COMMAND);
    await program.until("it writes", () => space.sizeOf("out.ndjson") > 0);
    const hosts = program.hosts();
    program.signal("SIGINT");
    await program.until("the first signal is noticed", () => program.stderr.includes("SIGINT: finishing"));
    program.signal("SIGINT");
    const { code, summary } = withSummary(await program.done);
    expect(code).toBe(130);
    expect(summary.run).toBe("failed");
    expect(summary.error?.message).toContain("a second SIGINT");
    await expectNothingLeft(program, hosts);

    space.write("gate", "");
    expect((await space.run()).summary).toMatchObject({ run: "ended", written: ORDERS });
    expect(space.text("out.ndjson")).toBe(space.text("in.ndjson"));
  });

  test("run ends on SIGTERM while it waits for standard input", async () => {
    using space = new Workspace();
    space.pipeline([], { source: "ndjson|path=in.fifo" });
    expect(Bun.spawnSync(["mkfifo", space.at("in.fifo")]).exitCode).toBe(0);
    await using program = space.start(COMMAND);
    await using writer = Bun.spawn(["bash", "-c", `exec 3> in.fifo; echo '{"id":1}' >&3; read -r`], {
      cwd: space.path,
      stdin: "pipe",
    });
    await program.until("the first record is through", () => space.sizeOf("out.ndjson") > 0);
    program.signal("SIGTERM");
    const { code, summary } = withSummary(await program.done);
    expect(code).toBe(143);
    expect(summary).toMatchObject({ run: "stopped", written: 1 });
    writer.kill();
  });

  test("run stops a plugin in a busy loop when two signals come", async () => {
    using space = loopingPipeline();
    await using program = space.start(COMMAND);
    const hosts = await untilLooping(space, program);
    program.signal("SIGTERM");
    await program.until("the first signal is noticed", () => program.stderr.includes("SIGTERM: finishing"));
    program.signal("SIGTERM");
    expect((await program.done).code).toBe(143);
    await expectNothingLeft(program, hosts);
  });
});

describe("run after its end", () => {
  test("kill -9 of the main process leaves no host alive, not even one in a busy loop, and no shared memory", async () => {
    using space = loopingPipeline();
    await using program = space.start(COMMAND);
    const hosts = await untilLooping(space, program);
    program.signal("SIGKILL");
    await program.done;
    await expectNothingLeft(program, hosts);
  });

  test("run calls cleanup once in each host when it ends in order", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(500));
    space.write(
      "tidy.ts",
      perRecord("row.id = row.id;", {
        top: 'import { appendFileSync } from "node:fs";',
        cleanup: 'appendFileSync("cleaned", context.stage + context.lane + "\\n");',
      }),
    );
    space.pipeline(["one|tidy.ts|lanes=2", "two|tidy.ts|"]);
    expect((await space.run()).code).toBe(0);
    expect(space.text("cleaned").trim().split("\n").sort()).toEqual(["one0", "one1", "two0"]);
  });

  test("run ends when a plugin does not finish its cleanup", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(500));
    space.write("untidy.ts", plugin({ cleanup: "for (;;);" }));
    space.pipeline(["untidy|untidy.ts|"], { settings: "stop_timeout=200ms" });
    await using program = space.start(COMMAND);
    const { code, summary } = withSummary(await program.done);
    expect(code).toBe(0);
    expect(summary.written).toBe(500);
    expect(hostsOf(program.pid)).toEqual([]);
  });
});

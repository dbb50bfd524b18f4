/** A sink without room: the pipeline waits, says so, and goes on where it was when there is room again. Nothing is lost, nothing doubled. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { connectData } from "../../src/app/data/connect-data.ts";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { GATE, perRecord } from "../support/plugins.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const ORDERS = 6000;

/** A file system in memory of so much room; undefined where that is not allowed. */
function smallDisk(path: string, size: string): ({ grow(size: string): boolean } & Disposable) | undefined {
  mkdirSync(path, { recursive: true });
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", path]).status !== 0) return undefined;
  return {
    grow: (to) => spawnSync("mount", ["-o", `remount,size=${to}`, path]).status === 0,
    [Symbol.dispose]: () => void spawnSync("umount", ["--lazy", path]),
  };
}

const canMount = ((): boolean => {
  using space = new Workspace();
  using disk = smallDisk(space.at("disk"), "64k");
  return disk !== undefined;
})();
if (!canMount) console.error("cluster-pipeline-disk is skipped: no tmpfs can be mounted here");

test.skipIf(!canMount)("a pipeline whose sink is full waits for room, and loses and doubles nothing", async () => {
  await using cluster = await PipelineCluster.start(["worker1", "worker2"]);
  const { space } = cluster;
  using disk = smallDisk(space.at("disk"), "256k")!;
  space.write("in.ndjson", orders(ORDERS));
  space.write(
    "sum.ts",
    perRecord("row.n = ++n;", {
      top: "let n = 0;",
      snapshot: "return new TextEncoder().encode(String(n));",
      restore: "n = Number(new TextDecoder().decode(state));",
      sequential: true,
    }),
  );
  space.write(
    "p.txt",
    "set|batch_rows=100,checkpoint_interval=10ms\nin|source:ndjson|path=in.ndjson\nsum|sum.ts|\nout|sink:ndjson|path=disk/out.ndjson\n",
  );
  await cluster.tell("submit", "p.txt");
  const waiting = await cluster.untilState("p", "retrying");
  expect(waiting.detail).toMatch(/no space|full/i);
  expect((await cluster.pipeline("p"))!.detail).toBe(waiting.detail!);
  expect(disk.grow("8m")).toBe(true);
  const { id } = await cluster.untilState("p", "ended");
  const records = space.records("disk/out.ndjson");
  expect(records.map(({ n }) => n)).toEqual(Array.from({ length: ORDERS }, (_, at) => at + 1));
  expect((await cluster.report(id)).counts).toMatchObject({ in: ORDERS, written: ORDERS });
});

test.skipIf(!canMount)("a pipeline that waits for room can be paused and cancelled", async () => {
  await using cluster = await PipelineCluster.start(["worker1"]);
  const { space } = cluster;
  using _disk = smallDisk(space.at("disk"), "64k")!;
  space.write("in.ndjson", orders(ORDERS));
  space.write("p.txt", "in|source:ndjson|path=in.ndjson\nout|sink:ndjson|path=disk/out.ndjson\n");
  await cluster.tell("submit", "p.txt");
  await cluster.untilState("p", "retrying");
  await cluster.tell("pause", "p");
  expect((await cluster.pipeline("p"))!.state).toBe("paused");
  await cluster.tell("resume", "p");
  await until("it waits again", () => cluster.told("p").at(-1)!.state === "retrying");
  await cluster.tell("cancel", "p");
  expect((await cluster.pipeline("p"))!.state).toBe("cancelled");
});

test.skipIf(!canMount)(
  "a master whose state has no room lives and waits, and goes on where it was when there is room",
  async () => {
    await using cluster = new PipelineCluster();
    const { space } = cluster;
    using _disk = smallDisk(space.at("disk"), "48m")!; // the log takes room before it needs it, 16 MiB at a time
    const dataDir = space.at("disk");
    await cluster.master({ dataDir });
    await cluster.worker("worker1", { dataDir });
    const ask = (...words: readonly string[]) => cluster.tell(...words, "--data-dir", dataDir);
    space.write("in.ndjson", orders(ORDERS));
    space.write("gate.ts", GATE);
    const gate = `gate|gate.ts|gate=${space.at("open")},stop_at=${ORDERS / 2}`;
    const set = "set|batch_rows=100,checkpoint_interval=10ms";
    space.write("p.txt", `${set}\nin|source:ndjson|path=in.ndjson\n${gate}\nout|sink:ndjson|path=out.ndjson\n`);
    await ask("submit", "p.txt");
    await until(
      "half of it is written",
      () => space.exists("out.ndjson") && space.records("out.ndjson").length > ORDERS / 3,
    );
    fill(space.at("disk/filler"));
    await fillLog(dataDir);
    space.write("open", "");
    space.write("q.txt", "in|source:ndjson|path=in.ndjson\nout|sink:ndjson|path=other.ndjson\n");
    const refused = await cluster.ask("submit", "q.txt", "--data-dir", dataDir, "--timeout", "3s");
    expect(refused.code).not.toBe(0);
    expect(cluster.told("p").at(-1)!.state).not.toBe("ended");
    rmSync(space.at("disk/filler"));
    await cluster.untilState("p", "ended");
    expect(space.records("out.ndjson").map(({ id }) => id)).toEqual(Array.from({ length: ORDERS }, (_, at) => at));
  },
);

/** Until the log takes nothing more: what it was given last waits. */
async function fillLog(dataDir: string): Promise<void> {
  const client = await connectData({ dataDir, timeoutMs: 2_000 });
  const value = new Uint8Array(512 * 1024);
  for (let at = 0; at < 100; at++) {
    try {
      await client.map("big").put(`k${at}`, value);
    } catch {
      return;
    }
  }
  throw new Error("the log takes everything, though its disk is full");
}

/** Until nothing more goes onto its disk. */
function fill(path: string): void {
  const block = Buffer.alloc(4096);
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, block);
  } catch (thrown) {
    expect((thrown as { code?: unknown }).code).toBe("ENOSPC");
  } finally {
    closeSync(file);
  }
}

/** Nodes of a cluster as a user runs them: processes of the executable that find each other, die, leave, and are asked. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster, TestNode, untilAgreed } from "../support/nodes.ts";
import { runProgram } from "../support/program.ts";
import { until } from "../support/until.ts";

class Place implements Disposable {
  readonly dataDir = mkdtempSync(join(tmpdir(), "distributed-system-test-"));

  run(...args: readonly string[]) {
    return runProgram(args, { cwd: this.dataDir, env: { DISTRIBUTED_SYSTEM_DATA_DIR: this.dataDir } });
  }

  [Symbol.dispose](): void {
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

test("node joins by a seed; kill -9 is noticed by all, SIGTERM is a graceful leave, and a new process takes the name again", async () => {
  using place = new Place();
  const nodes = await startCluster(["n1", "n2", "n3", "n4"], place);
  await using all = new AsyncDisposableStack();
  for (const node of nodes) all.use(node);
  const [n1, n2, n3, n4] = nodes as [TestNode, TestNode, TestNode, TestNode];

  n4.signal("SIGKILL");
  for (const survivor of [n1, n2, n3]) {
    const { reason } = await survivor.hears("leave", "n4");
    expect(reason).toBe("failed");
    expect(survivor.told.some(({ event }) => event === "suspect")).toBe(true);
  }
  n3.signal("SIGTERM");
  expect(await n3.exited).toBe(0);
  expect((await n1.hears("leave", "n3")).reason).toBe("left");
  expect((await n2.hears("leave", "n3")).reason).toBe("left");

  const again = all.use(new TestNode("n4", { ...place, args: ["--seeds", await n1.address()] }));
  await untilAgreed([n1, n2, again], ["n1", "n2", "n4"]);
});

test("node of the same name as one that runs makes the older one yield, with exit code 1", async () => {
  using place = new Place();
  const nodes = await startCluster(["n1", "n2"], place);
  await using all = new AsyncDisposableStack();
  for (const node of nodes) all.use(node);
  const [n1, n2] = nodes as [TestNode, TestNode];
  all.use(new TestNode("n2", { ...place, args: ["--seeds", await n1.address()] }));
  expect(await n2.exited).toBe(1);
  await until("its last words are read", () => n2.stderr.includes("another process runs"));
});

test("node under another key gets into no cluster and hears nothing of it", async () => {
  using place = new Place();
  using stranger = new Place();
  const nodes = await startCluster(["n1", "n2"], place);
  await using all = new AsyncDisposableStack();
  for (const node of nodes) all.use(node);
  const seed = await nodes[0]!.address();
  const spy = all.use(new TestNode("spy", { ...stranger, args: ["--seeds", seed] }));
  await spy.hears("started");
  const asked = await stranger.run("nodes", "--node", seed, "--json");
  expect(asked.code).not.toBe(0);
  expect(asked.stdout + asked.stderr).not.toContain("n2");
  expect(asked.stderr).toContain("a token for this node is required");
  expect(spy.view().size).toBe(0);
  expect(nodes[0]!.view().has("spy")).toBe(false);
});

test("node refuses in words what it cannot do: off loopback without secrets, a taken port, faults in its settings", async () => {
  using place = new Place();
  const open = await place.run("node", "n1", "0.0.0.0", "0", "--advertise", "127.0.0.1:8080");
  expect(open.code).toBe(78);
  expect(open.stderr).toContain("distributed_system init");
  await using first = new TestNode("n1", place);
  const [, port] = (await first.address()).split(":");
  const taken = await place.run("node", "n2", "127.0.0.1", port!);
  expect(taken.stderr).toContain(`cannot listen on TCP 127.0.0.1:${port}: somebody else does`);
  const faults = await place.run("node", "n 3", "127.0.0.1", "70000", "--preset", "near");
  expect(faults.code).toBe(64);
  expect(faults.stderr).toContain('name is "n 3"');
  expect(faults.stderr).toContain('port is "70000"');
  expect(faults.stderr).toContain("one of local, lan, wan is required");
});

test("nodes, cluster status and cluster explain ask a node of this machine, or one by its address", async () => {
  using place = new Place();
  const nodes = await startCluster(["n1", "n2", "n3"], { ...place, args: ["--role", "worker", "--capacity", "cpu=2"] });
  await using all = new AsyncDisposableStack();
  for (const node of nodes) all.use(node);
  const table = await place.run("nodes");
  expect(table.code).toBe(0);
  for (const name of ["n1", "n2", "n3", "worker", "cpu=2"]) expect(table.stdout).toContain(name);
  const { nodes: listed } = JSON.parse(
    (await place.run("nodes", "--json", "--node", await nodes[1]!.address())).stdout,
  );
  expect(listed.map(({ id, state }: { id: string; state: string }) => `${id} ${state}`)).toEqual([
    "n1 alive",
    "n2 alive",
    "n3 alive",
  ]);
  const status = JSON.parse((await place.run("cluster", "status", "--json")).stdout);
  expect(status).toMatchObject({ self: { status: "up" } });

  nodes[2]!.signal("SIGKILL");
  await nodes[0]!.hears("leave", "n3");
  const why = await place.run("cluster", "explain", "n3");
  expect(why.stdout).toContain("dead");
  const unknown = await place.run("cluster", "explain", "n33");
  expect(unknown.stderr).toContain("n3");
  expect(unknown.code).toBe(66);
  const shown = await place.run("ps");
  expect(shown.stdout).toContain("node n1");
  expect((await place.run("stop", "node n1")).code).toBe(0);
  expect(await nodes[0]!.exited).toBe(0);
});

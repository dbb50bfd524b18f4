/** Nodes with keys and certificates made by `init`: TLS on the port, keys replaced while the cluster runs. */
import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster, type TestNode, untilAgreed } from "../support/nodes.ts";
import { runProgram } from "../support/program.ts";
import { until } from "../support/until.ts";

class Place implements Disposable {
  readonly dataDir = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
  readonly secrets = join(this.dataDir, "cluster");

  async run(...args: readonly string[]) {
    const env = { DISTRIBUTED_SYSTEM_DATA_DIR: this.dataDir };
    const ended = await runProgram(args, { cwd: this.dataDir, env });
    if (ended.code !== 0) throw new Error(`${args.join(" ")}: exit code ${ended.code}: ${ended.stderr}`);
    return ended.stdout;
  }

  [Symbol.dispose](): void {
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

const NAMES = ["n1", "n2", "n3"];

test("nodes with certificates speak TLS, and refuse a node that has the key but no certificate of the authority", async () => {
  using place = new Place();
  await place.run("init", place.secrets, ...NAMES.flatMap((name) => ["--node", `${name}=127.0.0.1`]));
  const nodes = await startCluster(NAMES, { dataDir: place.dataDir, args: ["--secrets", place.secrets] });
  await using all = new AsyncDisposableStack();
  for (const node of nodes) all.use(node);
  const address = await nodes[0]!.address();
  expect(nodes[0]!.stderr).toContain("tls=true");
  expect(fetch(`http://${address}/rpc`)).rejects.toThrow();
  const listed = JSON.parse(await place.run("nodes", "--json", "--node", address, "--secrets", place.secrets));
  expect(listed.nodes).toHaveLength(3);

  using other = new Place();
  await other.run("init", other.secrets, "--node", "spy=127.0.0.1");
  cpSync(join(place.secrets, "cluster.key"), join(other.secrets, "cluster.key"));
  const asked = await runProgram(["nodes", "--json", "--node", address, "--secrets", other.secrets], {
    cwd: other.dataDir,
  });
  expect(asked.code).not.toBe(0);
  expect(asked.stdout).toBe("");
});

test("key add, use and remove replace the cluster key while the cluster runs and nobody is suspected", async () => {
  using place = new Place();
  await place.run("init", place.secrets, ...NAMES.flatMap((name) => ["--node", `${name}=127.0.0.1`]));
  const nodes = await startCluster(NAMES, { dataDir: place.dataDir, args: ["--secrets", place.secrets] });
  await using all = new AsyncDisposableStack();
  for (const node of nodes) all.use(node);
  const replaced = (node: TestNode): number => node.stderr.split("cluster keys replaced").length - 1;
  const all3 = (times: number) =>
    until(`all go by key set ${times}`, () => nodes.every((node) => replaced(node) === times));

  const before = JSON.parse(await place.run("key", "list", place.secrets, "--json"));
  await place.run("key", "add", place.secrets);
  await all3(1);
  await place.run("key", "use", place.secrets);
  await all3(2);
  const [{ id: oldKey }] = before.keys as [{ id: string }];
  await place.run("key", "remove", place.secrets, oldKey);
  await all3(3);

  const address = await nodes[2]!.address();
  const listed = JSON.parse(await place.run("nodes", "--json", "--node", address, "--secrets", place.secrets));
  expect(listed.nodes).toHaveLength(3);
  await untilAgreed(nodes, NAMES);
  for (const node of nodes) expect(node.told.filter(({ event }) => event === "leave")).toEqual([]);
});

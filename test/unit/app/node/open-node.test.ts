import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, type NodeOptions } from "../../../../src/app/node/library.ts";

/** Nodes without a port mapper, with a state directory of the test's own. */
class Place implements Disposable {
  readonly dataDir = mkdtempSync(join(tmpdir(), "distributed-system-test-"));

  start(alias: string, more: Partial<NodeOptions> = {}): Promise<Node> {
    return Node.start({ alias, pmd: false, dataDir: this.dataDir, logger: { level: "silent" }, ...more });
  }

  [Symbol.dispose](): void {
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

test("Node.start() allows one node in a process, and another one when that has stopped", async () => {
  using place = new Place();
  const first = await place.start("one");
  expect(place.start("two")).rejects.toMatchObject({ code: "node.already_started" });
  await first.stop();
  await first.stop();
  const second = await place.start("two");
  expect([second.alias, second.id.startsWith("two@"), second.status]).toEqual(["two", true, "up"]);
  expect(second.members().map(({ id }) => id)).toEqual([second.id]);
  expect(second.leader()?.id).toBe(second.id);
  await second.stop();
});

test("Node.start() that fails leaves nothing behind: neither its port nor the place of the one node", async () => {
  using place = new Place();
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  await expect(place.start("one", { port })).rejects.toMatchObject({ code: "node.listen.taken" });
  server.stop(true);
  const labels = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`label${at}`, "x".repeat(128)]));
  await expect(place.start("one", { port, labels })).rejects.toMatchObject({ code: "cluster.invalid_self" });
  const node = await place.start("one", { port });
  expect(node.address).toBe(`127.0.0.1:${port}`);
  await node.stop();
});

test("Node.start() takes an alias of 64 characters, and static-quorum with its size", async () => {
  using place = new Place();
  const alias = "a".repeat(64);
  const splitBrain = { strategy: "static-quorum", quorumSize: 1, stableAfterMs: 1_000 } as const;
  const node = await place.start(alias, { splitBrain });
  expect(node.alias).toBe(alias);
  await node.stop();
  await expect(place.start("x", { splitBrain: { strategy: "static-quorum" } })).rejects.toThrow("--quorum-size");
});

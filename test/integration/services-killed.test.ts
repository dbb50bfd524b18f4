/** Services under load while processes and nodes are killed: calls go on, and nobody asks who is gone. */
import { expect, test } from "bun:test";
import { isGone, killHard } from "../support/processes.ts";
import { Load, ServiceCluster } from "../support/services.ts";
import { until } from "../support/until.ts";

interface Where {
  readonly node: string;
  readonly pid: number;
}

const USERS = `
  import { defineService, method } from "distributed-system/service";
  const where = (_, { node }) => ({ node, pid: process.pid });
  export default defineService({
    name: "users", version: "1.0.0",
    methods: {
      where: method({ public: true, access: "read", idempotent: true, handler: where }),
      once: method({ public: true, access: "read", handler: where }),
    },
  });`;

test("a killed process costs no idempotent call, leaves the registry at once, and comes back", async () => {
  await using cluster = await ServiceCluster.start(
    { "users/users.ts": USERS },
    { n1: { services: ["users"] }, n2: { services: ["users"] }, n3: {} },
  );
  await cluster.untilServed("n3", "users", "n1", "n2");
  const viewer = await cluster.client("n3", "viewer");
  const load = new Load(viewer, ["users.where"], 12);
  const killed = await until("n1 has answered", () => (load.answers as Where[]).find(({ node }) => node === "n1"));
  const seen = new Set<number>();
  const look = async (): Promise<void> => {
    const places = await cluster.places("n3", "users");
    for (const { healthy, node } of places) if (node === "n1") seen.add(healthy);
  };
  await look();
  let isBack = false;
  const watching = (async () => {
    while (!isBack) await look();
  })();
  killHard(killed.pid);
  await until("another process of n1 answers", () =>
    (load.answers as Where[]).some(({ node, pid }) => node === "n1" && pid !== killed.pid),
  );
  isBack = true;
  await Promise.all([watching, load.more(50)]);
  await load.end();
  expect(load.failures).toEqual([]);
  expect([...seen].toSorted()).toEqual([0, 1]);
  const last = (load.answers as Where[]).findLastIndex(({ pid }) => pid === killed.pid);
  const firstAfter = (load.answers as Where[]).findIndex(({ node, pid }) => node === "n1" && pid !== killed.pid);
  expect(last).toBeLessThan(firstAfter);
});

test("one of two processes of the only node is killed again and again, and idempotent calls go on with the other one", async () => {
  const two = USERS.replace('version: "1.0.0",', 'version: "1.0.0", instances: 2,');
  await using cluster = await ServiceCluster.start({ "users/users.ts": two }, { n1: { services: ["users"] }, n2: {} });
  await cluster.untilServed("n2", "users", "n1");
  const isWhole = async () => (await cluster.places("n2", "users"))[0]?.healthy === 2;
  await until("both serve", isWhole);
  const client = await cluster.client("n2", "operator");
  const [safe, unsafe] = [new Load(client, ["users.where"], 12), new Load(client, ["users.once"], 4)];
  const kills = 3;
  for (let kill = 0; kill < kills; kill++) {
    await safe.more(50);
    const { pid } = safe.answers.at(-1) as Where;
    killHard(pid);
    await until("both serve again", async () => isGone(pid) && (await isWhole()));
  }
  await safe.more(50);
  await Promise.all([safe.end(), unsafe.end()]);
  expect(safe.failures).toEqual([]);
  expect(new Set(unsafe.failures).difference(new Set(["503 service.exited"]))).toEqual(new Set());
  expect(unsafe.failures.length).toBeLessThanOrEqual(kills * 4);
});

test("a killed node is called no more, calls go on elsewhere, and it is called again when it is back", async () => {
  await using cluster = await ServiceCluster.start(
    { "users/users.ts": USERS },
    { n1: { services: ["users"] }, n2: { services: ["users"] }, n3: {} },
  );
  await cluster.untilServed("n3", "users", "n1", "n2");
  const viewer = await cluster.client("n3", "viewer");
  const load = new Load(viewer, ["users.where"], 12);
  const dead = await until("n2 has answered", () => (load.answers as Where[]).find(({ node }) => node === "n2"));
  await cluster.killHard("n2");
  await until("its host went with it", () => isGone(dead.pid));
  await cluster.untilServed("n3", "users", "n1");
  const from = load.answers.length;
  await load.more(200);
  await load.end();
  expect(load.failures).toEqual([]);
  expect(new Set((load.answers as Where[]).slice(from + 12).map(({ node }) => node))).toEqual(new Set(["n1"]));
  const { body } = await viewer.get<{ readonly places: readonly { node: string; isReachable: boolean }[] }>(
    "/debug/registry",
  );
  expect(body.places.filter(({ node }) => node === "n2" && true).every(({ isReachable }) => !isReachable)).toBe(true);
  await cluster.add("n2", { services: ["users"] });
  await cluster.untilServed("n3", "users", "n1", "n2");
  const again = new Load(viewer, ["users.where"], 12);
  await until("n2 answers", () =>
    (again.answers as Where[]).some(({ node, pid }) => node === "n2" && pid !== dead.pid),
  );
  await again.end();
  expect(again.failures).toEqual([]);
});

test("a killed process fails calls that may not be asked twice, and only those it had", async () => {
  await using cluster = await ServiceCluster.start(
    { "users/users.ts": USERS },
    { n1: { services: ["users"] }, n2: { services: ["users"] }, n3: {} },
  );
  await cluster.untilServed("n3", "users", "n1", "n2");
  const load = new Load(await cluster.client("n3", "operator"), ["users.once"], 12);
  const killed = await until("n1 has answered", () => (load.answers as Where[]).find(({ node }) => node === "n1"));
  killHard(killed.pid);
  await load.more(100);
  await load.end();
  expect(load.failures.length).toBeLessThanOrEqual(12);
  expect(new Set(load.failures).difference(new Set(["503 service.exited"]))).toEqual(new Set());
});

test("a node that hangs is called no more, calls that it had are answered elsewhere, and it is called again when it goes on", async () => {
  await using cluster = await ServiceCluster.start(
    { "users/users.ts": USERS },
    { n1: { services: ["users"] }, n2: { services: ["users"] }, n3: {} },
  );
  await cluster.untilServed("n3", "users", "n1", "n2");
  const viewer = await cluster.client("n3", "viewer");
  const load = new Load(viewer, ["users.where"], 12);
  await until("n2 has answered", () => (load.answers as Where[]).some(({ node }) => node === "n2"));
  cluster.node("n2").signal("SIGSTOP");
  await cluster.untilServed("n3", "users", "n1");
  const from = load.answers.length;
  await load.more(100);
  cluster.node("n2").signal("SIGCONT");
  await cluster.untilServed("n3", "users", "n1", "n2");
  await until("n2 answers again", () => (load.answers as Where[]).slice(from).some(({ node }) => node === "n2"));
  await load.end();
  expect(load.failures).toEqual([]);
});

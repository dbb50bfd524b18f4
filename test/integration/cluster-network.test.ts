/** Five nodes on five hosts of a network of our own (namespaces), with keys and certificates: what is lost on the way, a split, its healing. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestNetwork } from "../support/network.ts";
import { TestNode, untilAgreed } from "../support/nodes.ts";
import { runProgram } from "../support/program.ts";
import { until } from "../support/until.ts";

const PORT = 7000;
const HOSTS = 5;
/** What the settling of a split takes: suspicion, agreement of the side, the time it has to be stable. */
const SPLIT_MS_MAX = 60_000;

const whyNot = TestNetwork.whyNot();
if (whyNot !== undefined) console.error(`cluster-network is skipped: ${whyNot}`);

test.skipIf(whyNot !== undefined)(
  "five nodes on five hosts live through one lossy direction, and through a split of which one side goes down until it heals",
  async () => {
    using network = new TestNetwork(HOSTS);
    await using all = new AsyncDisposableStack();
    const dir = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
    all.defer(() => rmSync(dir, { recursive: true, force: true }));
    const secrets = join(dir, "cluster");
    const names = network.hosts.map((host) => `h${host}`);
    const certificates = network.hosts.flatMap((host) => ["--node", `h${host}=${network.address(host)}`]);
    const made = await runProgram(["init", secrets, ...certificates], { cwd: dir });
    expect(made.code).toBe(0);

    const open = (host: number): TestNode => {
      const seeds = host === 1 ? [] : ["--seeds", `${network.address(1)}:${PORT}`];
      const partition = ["--split-brain", "keep-majority", "--stable-after", "3s"];
      const args = [
        network.address(host),
        String(PORT),
        "--preset",
        "local",
        "--secrets",
        secrets,
        ...partition,
        ...seeds,
      ];
      return all.use(new TestNode(`h${host}`, { dataDir: join(dir, `h${host}`), args, within: network.on(host) }));
    };
    const nodes = network.hosts.map(open);
    await untilAgreed(nodes, names);
    expect(await nodes[0]!.address()).toBe(`${network.address(1)}:${PORT}`);

    network.drop(1, 2); // h1 hears h2, and h2 does not hear h1
    const askH2 = [
      "cluster",
      "explain",
      "h1",
      "--json",
      "--secrets",
      secrets,
      "--node",
      `${network.address(2)}:${PORT}`,
    ];
    await until(
      "h2 reaches h1 through others only",
      async () => {
        const asked = Bun.spawnSync([
          ...network.on(2),
          process.env.DISTRIBUTED_SYSTEM_TEST_EXECUTABLE ?? "bin/distributed_system",
          ...askH2,
        ]);
        return asked.exitCode === 0 && /"acked_indirectly"/.test(asked.stdout.toString());
      },
      SPLIT_MS_MAX,
    );
    for (const node of nodes) expect(node.told.filter(({ event }) => event === "leave")).toEqual([]);
    network.pass(1, 2);

    network.split([1, 2], [3, 4, 5]);
    const minority = nodes.slice(0, 2);
    const majority = nodes.slice(2);
    await Promise.all(
      minority.map((node) =>
        until(`${node.name} goes down`, () => node.told.some(({ event }) => event === "down"), SPLIT_MS_MAX),
      ),
    );
    await untilAgreed(majority, ["h3", "h4", "h5"]);
    for (const node of majority) expect(node.told.some(({ event }) => event === "down")).toBe(false);

    network.heal();
    await Promise.all(
      minority.map((node) =>
        until(
          `${node.name} is up again`,
          () => node.told.findLast(({ event }) => event === "up" || event === "down")?.event === "up",
          SPLIT_MS_MAX,
        ),
      ),
    );
    await untilAgreed(nodes, names);
  },
);

/** Port mappers and nodes that die, as real processes: kill -9 of either, restarts, and what the others are told. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { PmdHost, type PmdNode } from "../support/pmd-host.ts";
import { isAlive, killHard } from "../support/processes.ts";
import { runProgram } from "../support/program.ts";
import { until } from "../support/until.ts";

/** Of nodes that are to be missed: nobody is away for so long because the machine is busy. */
const TTL_MS = 2_000;

function peerEvents({ told }: PmdNode): string[] {
  return told.flatMap((each) =>
    (["join", "update", "leave"] as const).filter((kind) => kind in each).map((kind) => `${kind} ${each[kind]}`),
  );
}

describe("a node's side of the port mapper", () => {
  test("a node that needs a port mapper starts one, which outlives it", async () => {
    await using host = new PmdHost();
    const node = await host.node("first");
    const pid = await host.pid();
    expect(pid).not.toBe(node.pid);
    await node.leave();
    expect(isAlive(pid)).toBe(true);
    expect(await host.client.list()).toEqual([]);
    expect((await host.run("start")).stderr).toContain(`runs already on 127.0.0.1:${host.port}, process ${pid}`);
  });

  test("nodes that start at once without a port mapper end up with the same one", async () => {
    await using host = new PmdHost();
    const aliases = ["a", "b", "c"];
    const nodes = await Promise.all(aliases.map((alias) => host.node(alias)));
    const lives = new Set(nodes.flatMap(({ told }) => told.map(({ connected }) => connected).filter(Boolean)));
    expect(lives.size).toBe(1);
    for (const node of nodes) {
      await node.until("it has seen all", () => peerEvents(node).length === 3);
      expect(peerEvents(node).sort()).toEqual(["join a", "join b", "join c"]);
    }
  });

  test("nodes start another port mapper when theirs is killed (-9), and nobody is told of a leave", async () => {
    await using host = new PmdHost();
    const [one, two] = await Promise.all([host.node("one"), host.node("two")]);
    await one.until("it has seen both", () => peerEvents(one).length === 2);
    const killed = await host.pid();
    killHard(killed);
    for (const node of [one, two]) {
      await node.until("it is connected again", (told) => told.filter((each) => "connected" in each).length === 2);
    }
    await until("both are registered again", async () => (await host.client.list()).length === 2);
    expect(await host.pid()).not.toBe(killed);
    expect((await host.client.resolve("two")).pid).toBe(two.pid);
    const third = await host.node("three"); // everybody hears of it through the new one
    for (const node of [one, two])
      await node.until("it has seen the third", () => peerEvents(node).includes("join three"));
    expect(peerEvents(one).sort()).toEqual(["join one", "join three", "join two"]);
    expect(peerEvents(third).sort()).toEqual(["join one", "join three", "join two"]);
  });

  test("a node that is killed (-9) is told to have left long before its TTL is over", async () => {
    await using host = new PmdHost();
    const watcher = await host.node("watcher");
    const doomed = await host.node("doomed", 600_000);
    await doomed.kill();
    await watcher.until("the leave is told", () => peerEvents(watcher).includes("leave doomed"));
    expect(watcher.told.find(({ leave }) => leave === "doomed")).toEqual({ leave: "doomed", reason: "gone" });
    expect((await host.run("resolve", "doomed")).code).toBe(66);
  });

  test("a node that hangs is told to have left when its TTL is over, and to be back when it goes on", async () => {
    await using host = new PmdHost();
    const watcher = await host.node("watcher");
    const hung = await host.node("hung", TTL_MS);
    process.kill(hung.pid, "SIGSTOP");
    await watcher.until("the leave is told", () => peerEvents(watcher).includes("leave hung"));
    expect(watcher.told.find(({ leave }) => leave === "hung")).toEqual({ leave: "hung", reason: "expired" });
    process.kill(hung.pid, "SIGCONT");
    await watcher.until("it is back", () => peerEvents(watcher).filter((each) => each === "join hung").length >= 2);
    expect((await host.client.resolve("hung")).pid).toBe(hung.pid);
  });

  test("a port mapper that was stopped for longer than every TTL takes nobody for dead", async () => {
    await using host = new PmdHost();
    const [one, two] = await Promise.all([host.node("one", TTL_MS), host.node("two", TTL_MS)]);
    await one.until("it has seen both", () => peerEvents(one).length === 2);
    const pid = await host.pid();
    process.kill(pid, "SIGSTOP");
    // A heart-beat of each has gone unanswered for as long as the TTL, which is far longer than a pause that counts as one.
    for (const node of [one, two])
      await node.until("it is not answered", (told) => told.some(({ stands }) => stands === false));
    process.kill(pid, "SIGCONT");
    for (const node of [one, two])
      await node.until("it stands again", (told) => told.some(({ stands }) => stands === true));
    expect(await host.pid()).toBe(pid);
    expect([...peerEvents(one), ...peerEvents(two)].filter((each) => each.startsWith("leave"))).toEqual([]);
  });

  test("a node that was killed (-9) and started again gets its alias at once", async () => {
    await using host = new PmdHost();
    const before = await host.node("service", 600_000);
    await before.kill();
    const after = await host.node("service", 600_000);
    expect((await host.client.resolve("service")).pid).toBe(after.pid);
    expect(peerEvents(after)).toEqual(["join service"]);
  });

  test("a second node of an alias is refused with the first one's process", async () => {
    await using host = new PmdHost();
    const first = await host.node("service");
    const { pid, startTime } = { pid: process.pid, startTime: "1" };
    const second = { alias: "service", nodeId: "other", host: "127.0.0.1", port: 1, pid, startTime };
    await expect(host.client.methods.register(second)).rejects.toMatchObject({
      code: "pmd.alias_taken",
      message: expect.stringContaining(`(process ${first.pid} at 127.0.0.1:7000)`),
    });
  });

  test("a port mapper that was killed by command is not started again by the nodes that watched it", async () => {
    await using host = new PmdHost();
    const node = await host.node("node", 600);
    await host.run("kill");
    await node.until("its registration does not stand", (told) => told.some(({ stands }) => stands === false));
    expect((await host.run("status")).code).toBe(1);
    await host.run("start");
    await node.until("it stands again", (told) => told.some(({ stands }) => stands === true));
    expect((await host.client.resolve("node")).pid).toBe(node.pid);
    const log = readFileSync(host.space.at("state", `pmd-${host.port}.log`), "utf8");
    expect(log.match(/listens on/g)).toHaveLength(2);
  });

  test("port mapper and nodes go on when the user's key is replaced step by step", async () => {
    await using host = new PmdHost();
    const node = await host.node("node", TTL_MS);
    const pid = await host.pid();
    const key = async (...words: string[]) => {
      const ended = await runProgram(["key", ...words, host.space.at("state", "cluster.key")], {
        cwd: host.space.path,
      });
      expect(ended.code).toBe(0);
    };
    await key("add");
    await key("use");
    await until("the port mapper believes the new key", async () => (await host.run("list")).code === 0);
    await key("remove");
    await until("nobody needs the old key", async () => (await host.run("list")).stdout.includes("node"));
    const next = await host.node("next");
    await node.until("it has seen the next one", () => peerEvents(node).includes("join next"));
    const places = await until("both are registered", async () => {
      const found = await host.client.list();
      return found.length === 2 && found;
    });
    expect([await host.pid(), places.find(({ alias }) => alias === "node")?.pid]).toEqual([pid, node.pid]);
    expect(peerEvents(next).sort()).toEqual(["join next", "join node"]);
  });
});

/** The port mapper as people use it: `pmd …` of the executable, and what keeps it from its port. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, statSync, utimesSync } from "node:fs";
import { PmdHost } from "../support/pmd-host.ts";
import { isAlive } from "../support/processes.ts";
import { EXECUTABLE, runProgram } from "../support/program.ts";
import { until } from "../support/until.ts";

describe("pmd start", () => {
  test("start is done when the port mapper answers, and a second one finds the first", async () => {
    await using host = new PmdHost();
    const first = await host.run("start");
    expect(first).toMatchObject({ code: 0, stdout: "" });
    const pid = await host.pid();
    expect(first.stderr).toBe(`port mapper started on 127.0.0.1:${host.port}, process ${pid}\n`);
    const second = await host.run("start", "--json");
    expect(JSON.parse(second.stdout)).toMatchObject({ pid, port: host.port, started: false });
    const foreground = await host.run("start", "--foreground");
    expect(foreground).toMatchObject({ code: 0 });
    expect(foreground.stderr).toContain(`runs already on 127.0.0.1:${host.port}, process ${pid}`);
  });

  test("start leaves a process of its own behind: session, directory, log and no descriptors of the starter", async () => {
    await using host = new PmdHost();
    const script = `exec 9</etc/hostname; exec "$0" pmd start --port ${host.port}`;
    const starter = Bun.spawn(["sh", "-c", script, EXECUTABLE], {
      cwd: host.space.path,
      env: { PATH: process.env.PATH, HOME: host.space.path, DISTRIBUTED_SYSTEM_DATA_DIR: host.dataDir },
      stdio: ["ignore", "ignore", "ignore"],
    });
    expect(await starter.exited).toBe(0);
    const pid = await host.pid();
    const log = host.space.at("state", `pmd-${host.port}.log`);
    const linkOf = (fd: string): string => readlinkSync(`/proc/${pid}/fd/${fd}`);
    expect(["0", "1", "2"].map(linkOf)).toEqual(["/dev/null", log, log]);
    const files = readdirSync(`/proc/${pid}/fd`)
      .map(linkOf)
      .filter((link) => link.startsWith("/") && !link.startsWith("/dev/"));
    expect([...new Set(files)]).toEqual([log]);
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe("/");
    const [, , , session] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    expect(Number(session)).toBe(pid);
    expect(statSync(log).mode & 0o777).toBe(0o600);
    expect(readFileSync(log, "utf8")).toContain(`listens on 127.0.0.1:${host.port}, process ${pid}`);
    expect(isAlive(pid)).toBe(true);
  });

  test("start by several at once gives one port mapper to all of them", async () => {
    await using host = new PmdHost();
    const ends = await Promise.all(Array.from({ length: 4 }, () => host.run("start", "--json")));
    const pid = await host.pid();
    expect(ends.map(({ stderr }) => stderr)).toEqual(["", "", "", ""]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(ends.map(({ stdout }) => (JSON.parse(stdout) as { pid: number }).pid)).toEqual([pid, pid, pid, pid]);
  });

  test("start does not wait for the mark of a process that died while it started one", async () => {
    for (const leftMs of [0, Date.now() + 3_600_000]) {
      await using host = new PmdHost();
      const mark = host.space.write(`state/pmd-${host.port}.log.starting`, "");
      chmodSync(host.dataDir, 0o700);
      utimesSync(mark, new Date(leftMs), new Date(leftMs)); // from the future when the clock was set back since
      expect((await host.run("start")).code).toBe(0);
      expect(existsSync(mark)).toBe(false);
    }
  });

  test("start tells what kept it from starting when the key file is no good", async () => {
    await using host = new PmdHost();
    host.space.write("state/cluster.key", "nonsense");
    chmodSync(host.space.at("state", "cluster.key"), 0o600);
    const ended = await host.run("start");
    expect([ended.code, ended.stdout]).toEqual([78, ""]);
    expect(ended.stderr).toContain("cluster.key");
  });

  test("start --foreground by several at once ends quietly in those that lose the port", async () => {
    await using host = new PmdHost();
    const words = ["start", "--foreground", "--json", "--quiet"];
    await using first = host.open(words);
    await using second = host.open(words);
    const loser = await Promise.race([first.done, second.done]);
    expect(loser).toMatchObject({ code: 0, stderr: "" });
    const winner = first.running ? first : second;
    expect(JSON.parse(loser.stdout)).toMatchObject({ started: false, pid: winner.pid });
    winner.signal("SIGTERM");
    expect((await winner.done).code).toBe(143);
  });
});

describe("pmd status, list, resolve and kill", () => {
  test("each says that no port mapper runs when none does", async () => {
    await using host = new PmdHost();
    expect(await host.run("status")).toMatchObject({ code: 1, stdout: "" });
    expect(JSON.parse((await host.run("status", "--json")).stdout)).toEqual({ running: false, port: host.port });
    for (const words of [["list"], ["resolve", "x"], ["kill"], ["watch"], ["token"]]) {
      const ended = await host.run(...words);
      expect(ended).toMatchObject({ code: 1, stdout: "" });
      expect(ended.stderr).toBe(`error: no port mapper listens on 127.0.0.1:${host.port}\n`);
    }
  });

  test("list and resolve show who is registered, and kill ends the port mapper but not its nodes", async () => {
    await using host = new PmdHost();
    await using _pmd = await host.serve();
    const node = await host.node("my-service");
    const listed = await host.run("list");
    expect(listed.stdout).toMatch(new RegExp(`my-service +node-${node.pid} +127.0.0.1:7000 +${node.pid} `));
    expect(await host.run("resolve", "my-service")).toMatchObject({ code: 0, stdout: "127.0.0.1:7000\n" });
    const entry = JSON.parse((await host.run("resolve", "my-service", "--json")).stdout);
    expect(entry).toMatchObject({ alias: "my-service", pid: node.pid, host: "127.0.0.1", port: 7000 });
    const near = await host.run("resolve", "my-servise");
    expect(near.code).toBe(66);
    expect(near.stderr).toContain("did you mean my-service?");
    expect((await host.run("status")).stdout).toContain("nodes 1, watchers 1");
    const killed = await host.run("kill");
    expect(killed.code).toBe(0);
    expect((await host.run("status")).code).toBe(1);
    await node.until("it has heard of the end", (told) => told.some((each) => each.disconnected === "killed"));
    expect(isAlive(node.pid)).toBe(true);
    await node.leave(); // a port mapper that was ended is not started again for that
    expect((await host.run("status")).code).toBe(1);
  });

  test("watch --json tells who comes and goes as lines of JSON", async () => {
    await using host = new PmdHost();
    await using _pmd = await host.serve();
    const early = await host.node("early");
    await using watch = host.open(["watch", "--json"]);
    await until("the watcher is connected", async () => (await host.client.status()).watchers === 2);
    await (await host.node("late")).leave();
    await early.leave();
    await until("all are gone", async () => (await host.client.list()).length === 0);
    await host.run("kill");
    await watch
      .until("the end is told", async () => {
        watch.signal("SIGINT");
        return !watch.running;
      })
      .catch(() => undefined);
    const { code, stdout } = await watch.done;
    expect(code).toBe(130);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string; peer?: { alias: string } });
    expect(events.map(({ event, peer }) => (peer ? `${event} ${peer.alias}` : event)).slice(0, 5)).toEqual([
      "peer:join early",
      "connected",
      "peer:join late",
      "peer:leave late",
      "peer:leave early",
    ]);
  });

  test("token gives any program with HTTP what it needs for one request", async () => {
    await using host = new PmdHost();
    await using _pmd = await host.serve();
    const token = (await host.run("token")).stdout.trim();
    const ask = () =>
      fetch(`http://127.0.0.1:${host.port}/rpc/pmd/list`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: "{}",
      });
    expect(await (await ask()).json()).toEqual({ peers: [] });
    expect((await ask()).status).toBe(401);
  });

  test("--port is refused when it is no port, and DISTRIBUTED_SYSTEM_PMD_PORT stands in for it", async () => {
    await using host = new PmdHost();
    for (const port of ["0", "65536", "x"]) {
      const bad = await runProgram(["pmd", "status", "--port", port], { cwd: host.space.path });
      expect(bad).toMatchObject({ code: 64, stderr: expect.stringContaining(`--port is ${JSON.stringify(port)}`) });
    }
    const env = { DISTRIBUTED_SYSTEM_PMD_PORT: String(host.port) };
    const byEnv = await runProgram(["pmd", "status"], { cwd: host.space.path, env });
    expect(byEnv.stderr).toContain(`127.0.0.1:${host.port}`);
    const typed = await runProgram(["pmd", "status", "--port", "4999"], { cwd: host.space.path, env });
    expect(typed.stderr).toContain("127.0.0.1:4999");
  });
});

describe("a port that is somebody else's", () => {
  test("every command names Erlang's epmd and the option when epmd holds the port", async () => {
    await using host = new PmdHost();
    const epmd = Bun.spawn(["epmd", "-port", String(host.port)], { stdio: ["ignore", "ignore", "ignore"] });
    try {
      await until("epmd listens", () => host.client.identify().catch((thrown) => thrown.code !== "pmd.not_running"));
      for (const words of [["start"], ["start", "--foreground"], ["status"], ["list"], ["kill"]]) {
        const ended = await host.run(...words);
        expect(ended.code).toBe(1);
        expect(ended.stderr).toContain(
          `port ${host.port} is held by Erlang's epmd (with no Erlang nodes); another port by --port`,
        );
      }
    } finally {
      epmd.kill("SIGKILL");
      await epmd.exited;
    }
  });

  test("start names another program when that holds the port", async () => {
    await using host = new PmdHost();
    const other = Bun.serve({ hostname: "127.0.0.1", port: host.port, fetch: () => new Response("hello") });
    try {
      const ended = await host.run("start");
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain(`port ${host.port} is held by another program, which is no port mapper`);
    } finally {
      await other.stop(true);
    }
  });

  test("start and list name the other user's port mapper when it works under another key", async () => {
    await using theirs = new PmdHost();
    await using pmd = await theirs.serve();
    const pid = await theirs.pid();
    const ours = new PmdHost(theirs.port);
    try {
      for (const words of [["start"], ["list"], ["kill"]]) {
        const ended = await ours.run(...words);
        expect(ended.code).toBe(1);
        expect(ended.stderr).toContain(`(process ${pid}) works under another key`);
      }
      expect(pmd.running).toBe(true);
    } finally {
      ours.space[Symbol.dispose]();
    }
  });
});

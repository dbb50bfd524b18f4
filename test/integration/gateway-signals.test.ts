/** What signals do to a gateway that starts, that serves, that stops; and a process of it that hangs. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync, renameSync } from "node:fs";
import { TestGateway } from "../support/gateway.ts";
import { WebUpstream } from "../support/gateway-upstreams.ts";
import { TestNode } from "../support/nodes.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

/** So many that a start takes a good while longer than its first steps. */
const RULES = 2_000;

/** Links of its open files. */
function filesOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}

describe("signals to a gateway", () => {
  test("SIGHUP, SIGUSR1 and SIGUSR2 while it starts do not end it: it reads its file again when it can", async () => {
    using folder = new Workspace();
    const rules = Array.from({ length: RULES }, (_, at) => `SecRule ARGS "@rx x${at}+y" "id:${at + 1},phase:2,deny"`);
    folder.write("rules.conf", rules.join("\n"));
    const file = folder.write("gateway.txt", "route|word|/word|none|reply=200 word\nwaf|rules.conf|block\n");
    await using node = new TestNode("gateway", {
      dataDir: folder.at("state"),
      command: ["gateway", "127.0.0.1", "0"],
      cwd: folder.path,
      args: ["--config", file, "--log-file", folder.at("own.log")],
    });
    await until("it has begun", () => existsSync(folder.at("own.log")));
    for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const) node.signal(signal);
    const { address } = await node.hears("gateway");
    await node.hears("reloaded");
    expect((await fetch(`http://${address}/word`)).status).toBe(200);
  });

  test("SIGUSR1 lets go of a log that was moved away, and SIGUSR2 changes nothing", async () => {
    using folder = new Workspace();
    const lines = [`set|access_log=${folder.at("access.log")}`, "route|word|/word|none|reply=200 word"];
    await using gateway = await TestGateway.start(folder, lines);
    await fetch(`${gateway.url}/word`);
    await until("its line is written", () => folder.records("access.log").length === 1);
    renameSync(folder.at("access.log"), folder.at("moved.log"));
    expect(filesOf(gateway.pid)).toContain(folder.at("moved.log"));
    gateway.node.signal("SIGUSR2");
    gateway.node.signal("SIGUSR1");
    await until("nothing holds it", () => !filesOf(gateway.pid).includes(folder.at("moved.log")));
    await fetch(`${gateway.url}/word`);
    await until(
      "a new one is begun",
      () => existsSync(folder.at("access.log")) && folder.records("access.log").length === 1,
    );
  });

  test("SIGTERM closes WebSockets that outlive the drain time-out with 1001", async () => {
    using folder = new Workspace();
    await using upstream = new WebUpstream();
    const lines = [`route|ws|/ws|ws://${upstream.authority}|timeout=0,idle_timeout=0`];
    const args = ["--drain-timeout", "300ms"];
    await using gateway = await TestGateway.start(folder, lines, { args });
    const socket = new WebSocket(`ws://${gateway.address}/ws`);
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    const closed = new Promise<number>((resolve) => {
      socket.addEventListener("close", ({ code }) => resolve(code), { once: true });
    });
    gateway.node.signal("SIGTERM");
    expect(await closed).toBe(1001);
    expect(await gateway.node.exited).toBe(0);
  });
});

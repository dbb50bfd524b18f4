/**
 * The control socket with real processes: who may open it, what is left of one that was killed, where it lies when paths
 * are long. That another user's process is refused is the kernel's doing by the modes checked here; the tests may run as
 * root, whom nothing refuses, so it is not tried.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { instanceContract } from "../../src/app/control/contract.ts";
import { readEntries } from "../../src/app/control/entries.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Failure } from "../../src/base/errors.ts";
import { createClient, REQUEST_BYTES_MAX, unixTransport } from "../../src/wire/rpc/index.ts";
import { FakeInstance } from "../support/instances.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

function clientOf(socket: string) {
  return createClient(instanceContract, unixTransport(socket), { clock: systemClock });
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o7777).toString(8);
}

describe("startControlServer()", () => {
  test("startControlServer() lets nobody but this user near the socket when the data directory is open to all", async () => {
    using workspace = new Workspace();
    mkdirSync(workspace.at("state"), { mode: 0o755 });
    await using instance = await FakeInstance.start(workspace.at("state"));
    const directory = workspace.at("state", "instances");
    const entry = join(directory, `${instance.pid}.json`);
    expect(instance.socket).toBe(join(directory, `${instance.pid}.sock`));
    expect([directory, instance.socket, entry].map(modeOf)).toEqual(["700", "600", "600"]);
    expect(JSON.parse(readFileSync(entry, "utf8"))).toMatchObject({
      pid: instance.pid,
      startTime: expect.stringMatching(/^\d+$/),
      command: "run",
      pipeline: "/pipelines/orders.txt",
      version: "0.0.1",
      socket: instance.socket,
    });
    expect((await clientOf(instance.socket).describe({})).instance.pid).toBe(instance.pid);
  });

  test("startControlServer() lies in a short private directory when the data directory's path is long", async () => {
    using workspace = new Workspace();
    const long = workspace.at("x".repeat(120));
    mkdirSync(workspace.at("runtime"), { mode: 0o700 });
    const env = { XDG_RUNTIME_DIR: workspace.at("runtime") };
    await using instance = await FakeInstance.start(long, "orders", env);
    expect(instance.socket).toStartWith(`${workspace.at("runtime")}/distributed_system-`);
    expect([dirname(instance.socket), dirname(dirname(instance.socket))].map(modeOf)).toEqual(["700", "700"]);
    expect(modeOf(instance.socket)).toBe("600");
    // Another shell, without that variable, is told by the entry where to go.
    const [entry] = readEntries(long);
    expect((await clientOf(entry!.socket).describe({})).instance.pipeline).toBe("/pipelines/orders.txt");
    await instance.end("SIGKILL");
    expect(readEntries(long)).toEqual([]);
    expect(existsSync(instance.socket)).toBe(false);
  });

  test("startControlServer() leaves files that the next look clears away when it is killed", async () => {
    using workspace = new Workspace();
    await using killed = await FakeInstance.start(workspace.path, "killed");
    await using living = await FakeInstance.start(workspace.path, "living");
    await killed.end("SIGKILL");
    const directory = workspace.at("instances");
    expect(readdirSync(directory)).toHaveLength(4);
    expect(readEntries(workspace.path).map(({ pid }) => pid)).toEqual([living.pid]);
    expect(readdirSync(directory).sort()).toEqual([`${living.pid}.json`, `${living.pid}.sock`].sort());
  });

  test("startControlServer() clears its files when the process exits without closing it", async () => {
    using workspace = new Workspace();
    await using instance = await FakeInstance.start(workspace.path);
    await instance.end("SIGTERM");
    expect(readdirSync(workspace.at("instances"))).toEqual([]);
  });

  test("startControlServer() answers whoever asked for the end before it ends", async () => {
    using workspace = new Workspace();
    await using instance = await FakeInstance.start(workspace.path);
    const name = "distributed_system/orders";
    expect(await clientOf(instance.socket).stop({ name: `/${name}` })).toEqual({ done: [`/${name}`], ending: true });
    await instance.exited;
    expect(readdirSync(workspace.at("instances"))).toEqual([]);
  });

  test("serveInstance() warns once and goes on when the socket cannot be opened", async () => {
    using workspace = new Workspace();
    writeFileSync(workspace.at("file"), "");
    await using instance = await FakeInstance.start(workspace.at("file", "state"));
    expect(instance.socket).toBe("undefined");
    const warnings = instance.lines.filter((line) => line.startsWith("warning"));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(
      "ps, stop, restart, swap and reload will not reach this run: cannot make the directory",
    );
  });
});

describe("the contract instance over the socket", () => {
  test("methods give failures with their codes and data when the instance refuses", async () => {
    using workspace = new Workspace();
    await using instance = await FakeInstance.start(workspace.path);
    const client = clientOf(instance.socket);
    const failures = await Promise.all(
      [client.restart({ name: "orders/enrich" }), client.stop({ name: "lane 0" }), client.stop({ name: "none" })].map(
        (each) => each.catch((thrown: unknown) => thrown as Failure),
      ),
    );
    expect(failures.every((each) => each instanceof Failure)).toBe(true);
    expect((failures as Failure[]).map(({ code }) => code)).toEqual([
      "plugin.refused",
      "usage.ambiguous_name",
      "instance.not_found",
    ]);
    expect((failures[0] as Failure).data).toEqual({ stage: "enrich" });
  });

  test("the socket refuses and lives on when it is sent too much or nothing that makes sense", async () => {
    using workspace = new Workspace();
    await using instance = await FakeInstance.start(workspace.path);
    const send = (
      path: string,
      body: string,
      headers: Record<string, string> = { "content-type": "application/json" },
    ) => fetch(`http://localhost${path}`, { method: "POST", body, headers, unix: instance.socket });
    const statuses = [];
    for (const response of [
      await send("/rpc/instance/stop", `{"name":"${"x".repeat(REQUEST_BYTES_MAX)}"}`),
      await send("/rpc/instance/stop", "x".repeat(REQUEST_BYTES_MAX * 3)).catch(() => ({ status: 413 })), // may be cut off
      await send("/rpc/instance/stop", '{"name":"orders"}', { "content-type": "text/plain" }),
      await send("/rpc/instance/stop", "{"),
      await send("/rpc/instance/describe", '{"extra":1}'),
      await send("/", "{}"),
    ]) {
      statuses.push(response.status);
    }
    expect(statuses).toEqual([413, 413, 415, 400, 400, 404]);
    const listing = await fetch("http://localhost/rpc", { unix: instance.socket });
    expect(await listing.json()).toMatchObject({
      contracts: [{ name: "instance", methods: { swap: { access: "operate" } } }],
    });
    expect(instance.asked).toEqual([]);
  });

  test("a caller that hangs up in the middle of a request does not disturb the others", async () => {
    using workspace = new Workspace();
    await using instance = await FakeInstance.start(workspace.path);
    const opened = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      unix: instance.socket,
      socket: { open: () => opened.resolve(), data() {} },
    });
    await opened.promise;
    socket.write(
      "POST /rpc/instance/describe HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    );
    socket.terminate();
    await until("the instance answers", async () => (await clientOf(instance.socket).describe({})).instance.pid > 0);
  });
});

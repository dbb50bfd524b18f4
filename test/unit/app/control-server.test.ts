import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { type ControlServerOptions, startControlServer } from "../../../src/app/control/control-server.ts";
import { makePrivateDirectory } from "../../../src/app/control/private-directory.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { Workspace } from "../../support/workspace.ts";

function optionsOf(workspace: Workspace, more: Partial<ControlServerOptions> = {}): ControlServerOptions {
  const info = { command: "run", pipeline: "/p.txt", version: "1", startedMs: 0 };
  return {
    dataDir: workspace.path,
    info,
    clock: systemClock,
    open: async () => async () => new Response("here"),
    ...more,
  };
}

async function ask(path: string | undefined): Promise<string> {
  return (await fetch("http://localhost/", { unix: path!, keepalive: false })).text();
}

describe("startControlServer()", () => {
  test("startControlServer() makes what answers at the first request, once", async () => {
    using workspace = new Workspace();
    let made = 0;
    const open = async () => {
      made++;
      return async () => new Response("made");
    };
    const server = await startControlServer(optionsOf(workspace, { open }));
    expect(made).toBe(0);
    expect(await Promise.all([ask(server.path), ask(server.path)])).toEqual(["made", "made"]);
    expect(made).toBe(1);
    await server.close();
  });

  test("startControlServer() takes the place of what an earlier process of the same number left", async () => {
    using workspace = new Workspace();
    makePrivateDirectory(workspace.at("instances"));
    for (const name of ["sock", "json.new"]) writeFileSync(workspace.at("instances", `${process.pid}.${name}`), "old");
    const server = await startControlServer(optionsOf(workspace));
    expect(await ask(server.path)).toBe("here");
    await server.close();
    expect(readdirSync(workspace.at("instances"))).toEqual([]);
  });

  test("startControlServer() refuses and leaves the first one alone when this process has one there", async () => {
    using workspace = new Workspace();
    const server = await startControlServer(optionsOf(workspace));
    await expect(startControlServer(optionsOf(workspace))).rejects.toThrow("is in use by this process itself");
    expect(await ask(server.path)).toBe("here");
    await server.close();
    const again = await startControlServer(optionsOf(workspace));
    expect(await ask(again.path)).toBe("here");
    await again.close();
  });

  test("startControlServer() leaves nothing behind when its entry cannot be written", async () => {
    using workspace = new Workspace();
    makePrivateDirectory(workspace.at("instances", `${process.pid}.json.new`)); // no file can be written there
    const failed = startControlServer(optionsOf(workspace));
    await expect(failed).rejects.toMatchObject({ code: "control.cannot_open" });
    expect(existsSync(workspace.at("instances", `${process.pid}.sock`))).toBe(false);
  });

  test("close() lets the call under way end, takes no other, and can be called twice", async () => {
    using workspace = new Workspace();
    const [begun, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const open = async () => async () => {
      begun.resolve();
      await release.promise;
      return new Response("late");
    };
    const server = await startControlServer(optionsOf(workspace, { open }));
    const answer = ask(server.path);
    await begun.promise;
    const closed = Promise.all([server.close(), server.close()]);
    expect(readdirSync(workspace.at("instances")).filter((name) => name.endsWith(".json"))).toEqual([]);
    await expect(ask(server.path)).rejects.toThrow();
    release.resolve();
    expect(await answer).toBe("late");
    await closed;
  });
});

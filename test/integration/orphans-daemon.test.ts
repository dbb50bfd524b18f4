/** kill -9 of a daemon: nothing of it lives on, and nothing of it lies about. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findOrphans, killQuietly } from "../../src/process/limits/index.ts";
import { plugin } from "../support/plugins.ts";
import { isAlive, isGone } from "../support/processes.ts";
import { Runaways } from "../support/runaways.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const DAEMON = join(import.meta.dir, "../support/host-daemon.ts");

class Daemon implements AsyncDisposable {
  readonly child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  host = 0;
  instance = "";
  warden = 0;

  private constructor(space: Workspace, module: string) {
    const library = space.write("plugin.ts", module);
    const env = { PATH: process.env.PATH };
    const executable = process.env.DISTRIBUTED_SYSTEM_TEST_EXECUTABLE;
    this.child = Bun.spawn([process.execPath, DAEMON, library, space.at("work")], {
      env: executable ? { ...env, DISTRIBUTED_SYSTEM_TEST_EXECUTABLE: executable } : env,
      stdio: ["ignore", "pipe", "inherit"],
    });
  }

  static async start(space: Workspace, module: string): Promise<Daemon> {
    const daemon = new Daemon(space, module);
    let said = "";
    for await (const chunk of daemon.child.stdout) {
      said += new TextDecoder().decode(chunk);
      if (said.includes("\n")) break;
    }
    const [, host, instance = "", warden] = said.trim().split(" ");
    Object.assign(daemon, { host: Number(host), instance, warden: Number(warden) });
    return daemon;
  }

  async killHard(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killHard();
  }
}

async function orphansOf(instance: string): Promise<number> {
  return (await findOrphans()).filter((each) => each.instance === instance).length;
}

function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, "utf8");
}

describe("kill -9 of a daemon", () => {
  test("the warden leaves no process, no directory and no orphan behind it", async () => {
    using space = new Workspace();
    await using runaways = new Runaways(space);
    await using daemon = await Daemon.start(space, plugin({ top: `${runaways.source}\nsetInterval(() => {}, 1000);` }));
    expect((await runaways.pids()).every(isAlive)).toBe(true);
    expect(readdirSync(space.at("work"))).toEqual([daemon.instance]);
    await daemon.killHard();
    await runaways.allGone();
    await until("the host is gone", () => isGone(daemon.host));
    await until("the warden is gone", () => isGone(daemon.warden));
    expect(readdirSync(space.at("work"))).toEqual([]);
    expect(await orphansOf(daemon.instance)).toBe(0);
  });

  test("the kernel ends a host that is in a busy loop", async () => {
    using space = new Workspace();
    await using daemon = await Daemon.start(space, plugin({ top: "setTimeout(() => { for (;;); }, 1);" }));
    await daemon.killHard();
    await until("the host is gone", () => isGone(daemon.host));
    await until("the warden is gone", () => isGone(daemon.warden));
  });

  test("findOrphans() names what is left when the warden was killed first", async () => {
    using space = new Workspace();
    await using runaways = new Runaways(space, ["double_fork"]);
    await using daemon = await Daemon.start(space, plugin({ top: `${runaways.source}\nsetInterval(() => {}, 1000);` }));
    const [pid] = await runaways.pids();
    expect(await orphansOf(daemon.instance)).toBe(0);
    killQuietly(daemon.warden, "SIGKILL");
    await daemon.killHard();
    const orphans = await until("the orphan is found", async () => {
      const found = (await findOrphans()).filter((each) => each.instance === daemon.instance);
      return found.length === 1 && found;
    });
    await using _next = await Daemon.start(space, plugin({}));
    await until("the next daemon has cleared the directory", () => !space.exists(join("work", daemon.instance)));
    expect(orphans[0]).toEqual({ pid: pid!, instance: daemon.instance, command: "sleep 1000" });
  });

  test("the warden withstands what a terminal or a service manager sends to everybody", async () => {
    using space = new Workspace();
    await using runaways = new Runaways(space, ["double_fork"]);
    await using daemon = await Daemon.start(space, plugin({ top: `${runaways.source}\nsetInterval(() => {}, 1000);` }));
    await runaways.pids();
    await until("the warden has shut its ears", () => /^SigIgn:.*[13579bdf]$/m.test(statusOf(daemon.warden)));
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGQUIT", "SIGPIPE"] as const) {
      expect(killQuietly(daemon.warden, signal)).toBe(true);
    }
    await daemon.killHard();
    await runaways.allGone();
  });
});

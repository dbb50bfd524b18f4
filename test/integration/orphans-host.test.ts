/** What plugins start ends with them, wherever it has fled to. */
import { describe, expect, test } from "bun:test";
import { GuardedHost } from "../support/guarded-host.ts";
import { isAlive, killHard } from "../support/processes.ts";
import { Runaways } from "../support/runaways.ts";
import { Workspace } from "../support/workspace.ts";

describe("what a plugin has started", () => {
  for (const how of ["is killed", "crashes", "exits"] as const) {
    test(`HostProcess leaves none of it alive when the host ${how}`, async () => {
      using space = new Workspace();
      await using runaways = new Runaways(space);
      const go = JSON.stringify(space.at("go"));
      const exits = how === "exits" ? `while (!fs.existsSync(${go})) await Bun.sleep(5); process.exit(3);` : "";
      await using guarded = await GuardedHost.start(space, `${runaways.source}\n${exits}`);
      expect((await runaways.pids()).every(isAlive)).toBe(true);
      if (how === "is killed") guarded.host.kill("was killed by the test");
      else if (how === "crashes") killHard(guarded.host.pid);
      else space.write("go", "");
      await guarded.exited;
      await runaways.allGone();
    });
  }

  test("HostProcess leaves the children of other hosts alone", async () => {
    using space = new Workspace();
    using other = new Workspace();
    await using kept = new Runaways(other);
    await using killed = new Runaways(space);
    await using lives = await GuardedHost.start(other, kept.source);
    await using dies = await GuardedHost.start(space, killed.source);
    const pids = await kept.pids();
    await killed.pids();
    dies.host.kill("was killed by the test");
    await killed.allGone();
    expect(pids.every(isAlive)).toBe(true);
    expect(lives.exits).toEqual([]);
  });
});

/** The rules for where groups may be made, on folders that look like those of the kernel. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../../src/base/clock.ts";
import {
  type CgroupPlaces,
  findCgroupHome,
  groupsNamed,
  hostCgroup,
  prepareCgroupHome,
} from "../../../../src/process/limits/cgroup.ts";
import { HostKeeper, hostKeeper } from "../../../../src/process/limits/host-keeper.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const PID = 4711;

class Kernel implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
  readonly places: CgroupPlaces = {
    mounts: join(this.root, "mountinfo"),
    own: join(this.root, "cgroup"),
    isOurs: (pid) => pid === PID,
  };

  /** `mounts`: [root in the hierarchy, type, options]; the mount point is `fs/0`, `fs/1`, … */
  constructor(own: string, mounts: readonly (readonly [string, string, string])[]) {
    const lines = mounts.map(([root, type, options], at) => {
      return `3${at} 1 0:${at} ${root} ${join(this.root, "fs", String(at))} rw,relatime - ${type} ${type} rw,${options}\n`;
    });
    writeFileSync(this.places.mounts, lines.join(""));
    writeFileSync(this.places.own, own);
  }

  group(path: string, files: Readonly<Record<string, string>> = {}): string {
    const folder = join(this.root, "fs", path);
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return folder;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}

const V2 = [["/", "cgroup2", "nsdelegate"]] as const;
const GIVEN = { "cgroup.controllers": "cpu memory pids\n", "cgroup.subtree_control": "\n" };

for (const [name, home] of [
  ["findCgroupHome()", findCgroupHome],
  ["prepareCgroupHome()", prepareCgroupHome],
] as const) {
  describe(name, () => {
    test(`${name} is the own group when version 1 has memory there`, () => {
      using kernel = new Kernel("9:cpu:/other\n4:memory:/user/own\n0::/\n", [
        ["/", "cgroup", "cpu"],
        ["/", "cgroup", "memory"],
      ]);
      const own = kernel.group("1/user/own");
      expect(home(kernel.places)).toEqual({ version: 1, path: own });
    });

    test(`${name} is found when a container sees a part of the hierarchy`, () => {
      using kernel = new Kernel("4:memory:/docker/abc/inner\n", [["/docker/abc", "cgroup", "memory"]]);
      const own = kernel.group("0/inner");
      expect(home(kernel.places)).toEqual({ version: 1, path: own });
    });

    test(`${name} is the unit when this process is in a leaf of it already`, () => {
      using kernel = new Kernel("0::/system.slice/ours.service/daemon\n", V2);
      const unit = kernel.group("0/system.slice/ours.service", GIVEN);
      kernel.group("0/system.slice/ours.service/daemon", { "cgroup.procs": `${PID}\n99\n` }); // stays where it is
      expect(home(kernel.places)).toEqual({ version: 2, path: unit });
    });

    test(`${name} refuses with the remedy when other processes share the group, and moves nobody`, () => {
      using kernel = new Kernel("0::/user.slice/session-3.scope\n", V2);
      const own = kernel.group("0/user.slice/session-3.scope", { ...GIVEN, "cgroup.procs": `12\n${PID}\n` });
      const found = home(kernel.places);
      expect(found).toEqual({
        why: expect.stringMatching(/1 processes that are not of this program share this group.*Delegate=yes/),
      });
      expect(readFileSync(join(own, "cgroup.subtree_control"), "utf8")).toBe("\n");
    });

    test(`${name} refuses with the remedy when the memory controller is not given to it`, () => {
      using kernel = new Kernel("0::/a.scope\n", V2);
      kernel.group("0/a.scope", { "cgroup.controllers": "cpu pids\n", "cgroup.procs": `${PID}\n` });
      expect(home(kernel.places)).toEqual({ why: expect.stringContaining("memory controller is not given") });
    });

    test(`${name} refuses when nothing is mounted, or the group is not there`, () => {
      using kernel = new Kernel("", []);
      expect(home(kernel.places)).toEqual({ why: "no control groups with memory are mounted here" });
      expect(home({ ...kernel.places, own: "/nowhere", mounts: "/nowhere" })).toHaveProperty("why");
      using missing = new Kernel("4:memory:/gone\n", [["/", "cgroup", "memory"]]);
      expect(home(missing.places)).toEqual({ why: expect.stringContaining("no groups can be made below") });
    });
  });
}

describe("a group of version 2 that is ours alone", () => {
  const scene = () => {
    const kernel = new Kernel("0::/app.slice/run-1.scope\n", V2);
    return { kernel, own: kernel.group("0/app.slice/run-1.scope", { ...GIVEN, "cgroup.procs": `${PID}\n` }) };
  };

  test("findCgroupHome() says that it can be used, and changes nothing", () => {
    const { kernel, own } = scene();
    using _ = kernel;
    const before = readdirSync(own);
    expect(findCgroupHome(kernel.places)).toEqual({ version: 2, path: own });
    expect(readdirSync(own)).toEqual(before);
    expect(readFileSync(join(own, "cgroup.subtree_control"), "utf8")).toBe("\n");
  });

  test("prepareCgroupHome() moves this process to a leaf and gives its groups the controller", () => {
    const { kernel, own } = scene();
    using _ = kernel;
    expect(prepareCgroupHome(kernel.places)).toEqual({ version: 2, path: own });
    expect(readFileSync(join(own, "daemon", "cgroup.procs"), "utf8")).toBe(String(PID));
    expect(readFileSync(join(own, "cgroup.subtree_control"), "utf8")).toBe("+memory");
    expect(readdirSync(own).filter((name) => name.includes("probe"))).toEqual([]);
  });
});

describe("hostCgroup()", () => {
  test("hostCgroup() limits memory and swap in version 2", () => {
    using kernel = new Kernel("", []);
    const home = { version: 2, path: kernel.group("0/home") } as const;
    const group = hostCgroup(home, "distributed_system-1-2-3-4", 1_000);
    expect(readFileSync(join(group.path, "memory.max"), "utf8")).toBe("1000");
    writeFileSync(join(group.path, "memory.events"), "low 0\nmax 9\noom 1\noom_kill 0\n");
    expect(group.outOfMemory()).toBe(false);
    writeFileSync(join(group.path, "memory.events"), "low 0\nmax 9\noom 1\noom_kill 2\n");
    expect(group.outOfMemory()).toBe(true);
    expect(groupsNamed(home, "distributed_system-")).toEqual([group.path]);
  });

  test("hostCgroup() limits memory in version 1, and knows who is in it", () => {
    using kernel = new Kernel("", []);
    const group = hostCgroup({ version: 1, path: kernel.group("0/home") }, "host", 1_000);
    expect(readFileSync(join(group.path, "memory.limit_in_bytes"), "utf8")).toBe("1000");
    writeFileSync(join(group.path, "memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    expect(group.outOfMemory()).toBe(true);
    writeFileSync(join(group.path, "cgroup.procs"), "12\n13\n");
    expect(group.pids()).toEqual([12, 13]);
    expect(group.remove()).toBe(false);
  });

  test("hostCgroup() leaves no group behind when it cannot be limited", () => {
    using kernel = new Kernel("", []);
    const home = { version: 2, path: pathOfBytes(kernel.group("0/home"), PATH_BYTES_MAX - "/host".length) } as const;
    expect(() => hostCgroup(home, "host", 1_000)).toThrow("ENAMETOOLONG"); // the file of its limit, not the group itself
    expect(readdirSync(home.path)).toEqual([]);
  });
});

describe("HostKeeper", () => {
  test("guard() does without a group, and leaves none behind, when the kernel takes no limit for it", () => {
    using kernel = new Kernel("", []);
    const path = pathOfBytes(kernel.group("0/home"), PATH_BYTES_MAX - "/distributed_system-1-1-1-1".length);
    const keeper = new HostKeeper(new SteppedClock(), { instance: "1-1-1", prepareHome: () => ({ version: 1, path }) });
    const limits = { memoryBytes: 256 * 2 ** 20 };
    const guard = keeper.guard({ argv: ["true"], pool: {}, passEnv: [], limits, sharedBytes: 0 });
    expect(readdirSync(path)).toEqual([]);
    expect(guard.settings.argv.join(" ")).toContain("ulimit -d"); // instead
    guard.ended();
  });

  test("hostKeeper() refuses a second clock, for the first one is every host's", () => {
    const keeper = hostKeeper(systemClock);
    expect(hostKeeper(systemClock)).toBe(keeper);
    expect(() => hostKeeper(new SteppedClock())).toThrow("second clock");
  });
});

/** Longest path that the kernel takes, its closing zero left out. */
const PATH_BYTES_MAX = 4_095;

/** A folder whose path has that many bytes: what is in it can have a path that is too long. */
function pathOfBytes(base: string, bytes: number): string {
  let path = base;
  while (bytes - path.length > 0) {
    const left = bytes - path.length;
    path += `/${"x".repeat(Math.min(200, left - 1) - (left - 201 === 1 ? 1 : 0))}`;
  }
  mkdirSync(path, { recursive: true });
  return path;
}

import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  entryPath,
  type InstanceEntry,
  readEntries,
  removeOwnEntry,
  writeEntry,
} from "../../../src/app/control/entries.ts";
import { makePrivateDirectory } from "../../../src/app/control/private-directory.ts";
import { lifeOf, ownIdentity } from "../../../src/app/control/process-identity.ts";
import { makeSocketPlace, SOCKET_PATH_BYTES_MAX } from "../../../src/app/control/socket-place.ts";
import { Workspace } from "../../support/workspace.ts";

function entryOf(workspace: Workspace, more: Partial<InstanceEntry> = {}): InstanceEntry {
  const socket = workspace.at("instances", `${more.pid ?? process.pid}.sock`);
  const about = { command: "run", pipeline: "/p.txt", version: "1", startedMs: 1 };
  return { ...ownIdentity(), socket, ...about, ...more };
}

/** A number that is nobody's: its process has ended and been waited for. */
async function deadPid(): Promise<number> {
  const child = Bun.spawn(["true"]);
  await child.exited;
  return child.pid;
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

describe("lifeOf()", () => {
  const own = ownIdentity();
  for (const [life, when, identity] of [
    ["alive", "it is this process", own],
    ["dead", "the number is another process's by now", { ...own, startTime: "1" }],
    ["dead", "the machine was started anew", { ...own, bootId: "another" }],
    ["elsewhere", "it is another machine's", { ...own, host: "another", bootId: "another" }],
    ["elsewhere", "it is another container's", { ...own, pidNamespace: "pid:[1]" }],
    ["alive", "nothing but its number is known", { ...own, startTime: "" }],
  ] as const) {
    test(`lifeOf() is ${life} when ${when}`, () => {
      expect(lifeOf(identity)).toBe(life);
    });
  }
  test("lifeOf() is dead when the process is gone", async () => {
    const pid = await deadPid();
    expect([lifeOf({ ...own, pid }), lifeOf({ ...own, pid, startTime: "" })]).toEqual(["dead", "dead"]);
  });
});

describe("makePrivateDirectory()", () => {
  test("makePrivateDirectory() makes it 0700, and tightens one that is wider", () => {
    using workspace = new Workspace();
    makePrivateDirectory(workspace.at("a", "b"));
    expect([modeOf(workspace.at("a")), modeOf(workspace.at("a", "b"))]).toEqual(["700", "700"]);
    mkdirSync(workspace.at("wide"));
    chmodSync(workspace.at("wide"), 0o777);
    makePrivateDirectory(workspace.at("wide"));
    expect(modeOf(workspace.at("wide"))).toBe("700");
  });
  test("makePrivateDirectory() refuses when a link or a file stands there", () => {
    using workspace = new Workspace();
    symlinkSync("/tmp", workspace.at("link"));
    workspace.write("file", "");
    expect(() => makePrivateDirectory(workspace.at("link"))).toThrow("is no directory");
    expect(() => makePrivateDirectory(workspace.at("file"))).toThrow(workspace.at("file"));
  });
});

describe("makeSocketPlace()", () => {
  const long = "d".repeat(SOCKET_PATH_BYTES_MAX);
  test("makeSocketPlace() is in the data directory when its path is short enough", () => {
    using workspace = new Workspace();
    const path = makeSocketPlace(workspace.path, 1, { bases: [], user: "u" });
    expect(path).toBe(workspace.at("instances", "1.sock"));
    expect(modeOf(workspace.at("instances"))).toBe("700");
  });
  test("makeSocketPlace() tells a further socket of the process from the first when it has a name", () => {
    using workspace = new Workspace();
    const surroundings = { bases: [workspace.path], user: "u" };
    expect(makeSocketPlace(workspace.path, 1, surroundings, "gateway")).toBe(
      workspace.at("instances", "1.gateway.sock"),
    );
    const far = workspace.at(long);
    const [one, other] = [makeSocketPlace(far, 1, surroundings), makeSocketPlace(far, 1, surroundings, "gateway")];
    expect([join(one, ".."), other.endsWith("/1.gateway.sock")]).toEqual([join(other, ".."), true]);
  });
  test("makeSocketPlace() is in a private directory of the first base that is short enough", () => {
    using workspace = new Workspace();
    const bases = ["relative", workspace.at(long), workspace.path];
    const path = makeSocketPlace(workspace.at(long), 1, { bases, user: "u" });
    expect(path).toMatch(new RegExp(`^${workspace.at("distributed_system-u")}/[0-9a-f]{16}/1\\.sock$`));
    expect([modeOf(workspace.at("distributed_system-u")), modeOf(join(path, ".."))]).toEqual(["700", "700"]);
    expect(makeSocketPlace(workspace.at(`${long}2`), 1, { bases, user: "u" })).not.toBe(path);
  });
  test("makeSocketPlace() counts bytes when names are not ASCII", () => {
    using workspace = new Workspace();
    const wide = "ü".repeat(40);
    const path = makeSocketPlace(workspace.at(wide), 1, { bases: [workspace.path], user: "u" });
    expect(Buffer.byteLength(workspace.at(wide, "instances", "1.sock"))).toBeGreaterThan(SOCKET_PATH_BYTES_MAX);
    expect(path).toContain("distributed_system-u");
  });
  test("makeSocketPlace() fails in words when no base is short enough", () => {
    expect(() => makeSocketPlace(`/${long}`, 1, { bases: [`/${long}`], user: "u" })).toThrow(
      `a socket's path has at most ${SOCKET_PATH_BYTES_MAX}`,
    );
  });
  test("makeSocketPlace() refuses when somebody has put a link in its place", () => {
    using workspace = new Workspace();
    symlinkSync("/tmp", workspace.at("distributed_system-u"));
    expect(() => makeSocketPlace(`/${long}`, 1, { bases: [workspace.path], user: "u" })).toThrow("is no directory");
  });
});

describe("readEntries()", () => {
  test("readEntries() clears the gateway's socket too when its process is dead, and no other file", async () => {
    using workspace = new Workspace();
    makePrivateDirectory(workspace.at("instances"));
    const pid = await deadPid();
    const names = [`${pid}.gateway.sock`, `${pid}.other.sock`, `${process.pid}.gateway.sock`];
    for (const name of names) writeFileSync(workspace.at("instances", name), "");
    expect(readEntries(workspace.path)).toEqual([]);
    expect(readdirSync(workspace.at("instances")).sort()).toEqual(names.slice(1).sort());
  });
  test("readEntries() gives living instances, oldest first, when some are there", () => {
    using workspace = new Workspace();
    makePrivateDirectory(workspace.at("instances"));
    const [young, old] = [
      entryOf(workspace, { startedMs: 2 }),
      entryOf(workspace, { pid: 1, host: "h", startedMs: 1 }),
    ];
    writeEntry(workspace.path, young);
    writeEntry(workspace.path, old);
    expect(readEntries(workspace.path)).toEqual([old, young]);
    expect(modeOf(entryPath(workspace.path, young.pid))).toBe("600");
    expect(readdirSync(workspace.at("instances")).sort()).toEqual(["1.json", `${process.pid}.json`].sort());
  });

  test("readEntries() gives nothing when nothing has ever run", () => {
    using workspace = new Workspace();
    expect(readEntries(workspace.at("none"))).toEqual([]);
  });

  test("readEntries() refuses when somebody has put a link in the directory's place", () => {
    using workspace = new Workspace();
    symlinkSync("/tmp", workspace.at("instances"));
    expect(() => readEntries(workspace.path)).toThrow("is no directory; a directory of this user is required");
  });

  test("readEntries() clears away what dead processes left and nothing else", async () => {
    using workspace = new Workspace();
    const dead = await deadPid();
    const at = (name: string): string => workspace.at("instances", name);
    mkdirSync(at(""), { mode: 0o700 });
    const server = Bun.listen({ unix: at(`${dead}.sock`), socket: { data() {} } });
    try {
      writeFiles(at, dead);
      const elsewhere = entryOf(workspace, { pid: 77, host: "another machine" });
      writeEntry(workspace.path, elsewhere);
      writeEntry(workspace.path, entryOf(workspace, { pid: dead }));
      expect(readEntries(workspace.path)).toEqual([elsewhere]);
      expect(readdirSync(workspace.at("instances")).sort()).toEqual(
        ["77.json", `${process.pid}.sock`, "notes.txt", `${process.pid}.json.new`].sort(),
      );
    } finally {
      server.stop(true);
    }
  });

  function writeFiles(at: (name: string) => string, dead: number): void {
    makePrivateDirectory(at(""));
    for (const name of [`${dead}.json.new`, "notes.txt", `${process.pid}.sock`, `${process.pid}.json.new`]) {
      writeFileSync(at(name), "");
    }
  }

  test("readEntries() passes over an entry that nobody can read when its process lives", async () => {
    using workspace = new Workspace();
    const dead = await deadPid();
    workspace.write(`instances/${process.pid}.json`, "{");
    workspace.write(`instances/${dead}.json`, "[]");
    expect(readEntries(workspace.path)).toEqual([]);
    expect(readdirSync(workspace.at("instances"))).toEqual([`${process.pid}.json`]);
  });

  test("removeOwnEntry() leaves the files of a process that got the number since", () => {
    using workspace = new Workspace();
    makePrivateDirectory(workspace.at("instances"));
    const now = entryOf(workspace);
    writeEntry(workspace.path, now);
    removeOwnEntry(workspace.path, { ...now, startTime: "1" });
    expect(readEntries(workspace.path)).toEqual([now]);
    removeOwnEntry(workspace.path, now);
    expect(readEntries(workspace.path)).toEqual([]);
  });

  test("removeOwnEntry() removes no file that is no socket, whatever the entry says of it", () => {
    using workspace = new Workspace();
    makePrivateDirectory(workspace.at("instances"));
    const precious = workspace.write("precious.txt", "");
    const entry = entryOf(workspace, { socket: precious });
    writeEntry(workspace.path, entry);
    removeOwnEntry(workspace.path, entry);
    expect([existsSync(precious), existsSync(entryPath(workspace.path, entry.pid))]).toEqual([true, false]);
  });
});

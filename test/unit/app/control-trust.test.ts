/** What others may have put in the way of the control socket: nothing that they say is believed, root included. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { startControlServer } from "../../../src/app/control/control-server.ts";
import { entryPath, readEntries, surveyEntries } from "../../../src/app/control/entries.ts";
import { makePrivateDirectory, makePrivateSocket } from "../../../src/app/control/private-directory.ts";
import { ownIdentity } from "../../../src/app/control/process-identity.ts";
import { makeSocketPlace, placeOf, SOCKET_PATH_BYTES_MAX } from "../../../src/app/control/socket-place.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { Workspace } from "../../support/workspace.ts";

const isRoot = process.getuid?.() === 0;
const user = String(process.getuid?.() ?? "user");
/** Any that is not this one. */
const OTHER_UID = 65_534;
const long = "d".repeat(SOCKET_PATH_BYTES_MAX);
/** Above the kernel's largest. */
const DEAD_PID = 4_194_305;

function listenAt(path: string): Disposable {
  const server = Bun.listen({ unix: path, socket: { data() {} } });
  return { [Symbol.dispose]: () => server.stop(true) };
}

/** What anybody who can write there could have written. */
function forge(workspace: Workspace, pid: number, socket: string): string {
  const entry = { ...ownIdentity(), pid, socket, command: "run", pipeline: "/p", version: "1", startedMs: 1 };
  mkdirSync(workspace.at("instances"), { recursive: true, mode: 0o700 });
  writeFileSync(entryPath(workspace.path, pid), JSON.stringify(entry), { mode: 0o600 });
  return entryPath(workspace.path, pid);
}

describe("readEntries() of a forged list", () => {
  test("readEntries() removes the entry of a dead process and not the socket elsewhere that it names", () => {
    using workspace = new Workspace();
    using _victim = listenAt(workspace.at("victim.sock"));
    const path = forge(workspace, DEAD_PID, workspace.at("victim.sock"));
    expect(readEntries(workspace.path)).toEqual([]);
    expect([existsSync(path), existsSync(workspace.at("victim.sock"))]).toEqual([false, true]);
  });

  test("readEntries() removes no socket through a directory that only is called like ours", () => {
    using workspace = new Workspace();
    const place = makeSocketPlace(workspace.at(long), DEAD_PID, { bases: [workspace.path], user });
    const elsewhere = place.replace(/[0-9a-f]{16}\/\d+\.sock$/, `0123456789abcdef/${DEAD_PID}.sock`);
    mkdirSync(join(elsewhere, ".."), { mode: 0o700 });
    using _victim = listenAt(elsewhere);
    forge(workspace, DEAD_PID, elsewhere);
    readEntries(workspace.path);
    expect(existsSync(elsewhere)).toBe(true);
  });

  for (const [what, name] of [
    ["a socket that is not its own", "other.sock"],
    ["a link to a socket", `${process.pid}.sock`],
  ] as const) {
    test(`readEntries() leads nobody to ${what}`, () => {
      using workspace = new Workspace();
      forge(workspace, process.pid, workspace.at("instances", name));
      expect(readEntries(workspace.path)).toHaveLength(name === "other.sock" ? 0 : 1); // no socket yet: it is opening
      using _victim = listenAt(workspace.at("victim.sock"));
      symlinkSync(workspace.at("victim.sock"), workspace.at("instances", name));
      expect(readEntries(workspace.path)).toEqual([]);
    });
  }

  test("readEntries() passes over an entry of another number than its name's", () => {
    using workspace = new Workspace();
    const path = forge(workspace, process.pid, workspace.at("instances", `${process.pid}.sock`));
    expect(readEntries(workspace.path)).toHaveLength(1);
    const named = path.replace(String(process.pid), "1");
    writeFileSync(named, JSON.stringify({ ...ownIdentity(), ...readEntries(workspace.path)[0] }));
    expect(readEntries(workspace.path).map(({ pid }) => pid)).toEqual([process.pid]);
  });

  test("surveyEntries() tells what dead processes have left and removes none of it", () => {
    using workspace = new Workspace();
    const path = forge(workspace, DEAD_PID, workspace.at("instances", `${DEAD_PID}.sock`));
    using _left = listenAt(workspace.at("instances", `${DEAD_PID}.sock`));
    const { leftovers } = surveyEntries(workspace.path);
    expect(leftovers).toEqual([{ pid: DEAD_PID, paths: expect.arrayContaining([path]) }]);
    expect(leftovers[0]?.paths).toHaveLength(2);
    expect(readdirSync(workspace.at("instances"))).toHaveLength(2);
  });
});

describe("placeOf()", () => {
  const uid = process.getuid?.() ?? 0;

  test("placeOf() finds the socket when the data directory is spelt otherwise", () => {
    using workspace = new Workspace();
    makePrivateDirectory(workspace.at("state", "instances"));
    symlinkSync(workspace.at("state"), workspace.at("link"));
    const usual = workspace.at("state", "instances", "7.sock");
    expect(placeOf(usual, workspace.at("link"), 7, uid)).toBe(workspace.at("link", "instances", "7.sock"));
    expect(placeOf(usual, workspace.at("state"), 8, uid)).toBeUndefined();
  });

  test("placeOf() takes the stand-in of a long path from any base, as long as it is private", () => {
    using workspace = new Workspace();
    makePrivateDirectory(workspace.at(long, "instances"));
    symlinkSync(workspace.at(long), workspace.at("link"));
    const place = makeSocketPlace(workspace.at(long), 7, { bases: [workspace.path], user });
    expect(placeOf(place, workspace.at(long), 7, uid)).toBe(place);
    expect(placeOf(place, workspace.at("link"), 7, uid)).toBe(place);
    expect(placeOf(place, workspace.at(long), 7, uid + 1)).toBeUndefined();
    chmodSync(join(place, ".."), 0o777);
    expect(placeOf(place, workspace.at(long), 7, uid)).toBeUndefined();
  });
});

describe("makeSocketPlace() in a base that others rule", () => {
  test("makeSocketPlace() goes to the next base when others could exchange its directory", () => {
    using workspace = new Workspace();
    for (const [name, mode] of [
      ["open", 0o777],
      ["sticky", 0o1777],
    ] as const) {
      mkdirSync(workspace.at(name));
      chmodSync(workspace.at(name), mode);
    }
    const bases = [workspace.at("none"), workspace.at("open"), workspace.at("sticky")];
    const place = makeSocketPlace(workspace.at(long), 1, { bases, user });
    expect(place).toStartWith(workspace.at("sticky"));
    expect(readdirSync(workspace.at("open"))).toEqual([]);
  });
});

describe("startControlServer()", () => {
  test("startControlServer() makes its socket 0600 whatever the umask is", async () => {
    using workspace = new Workspace();
    const info = { command: "run", pipeline: "/p.txt", version: "1", startedMs: 0 };
    const open = async () => async () => new Response("here");
    const server = await startControlServer({ dataDir: workspace.path, info, clock: systemClock, open });
    expect(statSync(server.path!).mode & 0o777).toBe(0o600);
    await server.close();
  });
});

describe("makePrivateSocket()", () => {
  test("makePrivateSocket() refuses and changes no file when a link or a file stands in the socket's place", () => {
    using workspace = new Workspace();
    const precious = workspace.write("precious.txt", "");
    chmodSync(precious, 0o644);
    using _victim = listenAt(workspace.at("victim.sock"));
    chmodSync(workspace.at("victim.sock"), 0o666);
    for (const target of ["precious.txt", "victim.sock"]) {
      symlinkSync(workspace.at(target), workspace.at(`${target}.link`));
      expect(() => makePrivateSocket(workspace.at(`${target}.link`))).toThrow("has been exchanged");
    }
    expect(() => makePrivateSocket(precious)).toThrow("has been exchanged");
    expect(statSync(precious).mode & 0o777).toBe(0o644);
    expect(statSync(workspace.at("victim.sock")).mode & 0o777).toBe(0o666);
  });
});

describe.if(isRoot)("root among other users", () => {
  test("makePrivateDirectory() refuses another user's directory and leaves it as it is", () => {
    using workspace = new Workspace();
    mkdirSync(workspace.at("theirs"), { mode: 0o755 });
    chownSync(workspace.at("theirs"), OTHER_UID, OTHER_UID);
    expect(() => makePrivateDirectory(workspace.at("theirs"))).toThrow(
      `belongs to user ${OTHER_UID}; a directory of user 0 is required`,
    );
    expect(statSync(workspace.at("theirs")).mode & 0o777).toBe(0o755);
  });

  test("makeSocketPlace() refuses the directory that another user has prepared below the temporary one", () => {
    using workspace = new Workspace();
    const bait = workspace.at("distributed_system-0");
    mkdirSync(bait, { mode: 0o777 });
    chownSync(bait, OTHER_UID, OTHER_UID);
    expect(() => makeSocketPlace(workspace.at(long), 1, { bases: [workspace.path], user: "0" })).toThrow(bait);
    expect(readdirSync(bait)).toEqual([]);
  });

  test("makeSocketPlace() passes over a runtime directory that is another user's", () => {
    using workspace = new Workspace();
    mkdirSync(workspace.at("theirs"), { mode: 0o700 });
    chownSync(workspace.at("theirs"), OTHER_UID, OTHER_UID);
    const bases = [workspace.at("theirs"), workspace.path];
    const place = makeSocketPlace(workspace.at(long), 1, { bases, user: "0" });
    expect(place).toStartWith(workspace.at("distributed_system-0"));
  });

  test("readEntries() shows another user's instances and clears nothing there", () => {
    using workspace = new Workspace();
    const paths = [forge(workspace, DEAD_PID, workspace.at("victim.sock")), forge(workspace, 1, "")];
    const living = workspace.at("instances", `${process.pid}.sock`);
    paths.push(forge(workspace, process.pid, living));
    for (const path of [workspace.at("instances"), ...paths]) chownSync(path, OTHER_UID, OTHER_UID);
    expect(readEntries(workspace.path).map(({ socket }) => socket)).toEqual([living]);
    expect(paths.map((path) => existsSync(path))).toEqual([true, true, true]);
    using _roots = listenAt(living); // that user has got one of root's in there
    expect(readEntries(workspace.path)).toEqual([]);
  });

  test("readEntries() passes over an entry that another user has put into root's list", () => {
    using workspace = new Workspace();
    const path = forge(workspace, process.pid, workspace.at("instances", `${process.pid}.sock`));
    expect(readEntries(workspace.path)).toHaveLength(1);
    chownSync(path, OTHER_UID, OTHER_UID);
    expect(readEntries(workspace.path)).toEqual([]);
  });
});

/**
 * A control group for each host with a memory limit, where one can be made: the kernel then counts the host together with
 * all that it starts, and ends it within the limit however fast it grows. Version 2 and version 1 of the interface.
 *
 * Groups are made below the group that this program runs in and nowhere else: what an administrator has given this
 * program stays the limit for all of it. Version 2 allows that only where this program has a group to itself (a service
 * or scope with delegation): there it moves itself to a leaf, as the kernel's rules ask for.
 *
 * Looking (`findCgroupHome`) and making (`prepareCgroupHome`) are apart: who only asks changes nothing.
 */
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { isDescendant } from "./proc.ts";

/** Where the kernel says what is mounted and which groups this process is in; a test has its own. */
export interface CgroupPlaces {
  readonly mounts: string;
  readonly own: string;
  /** Whether a process is this one or has been started by it. */
  isOurs(pid: number): boolean;
}

const OWN_PLACES: CgroupPlaces = {
  mounts: "/proc/self/mountinfo",
  own: "/proc/self/cgroup",
  isOurs: (pid) => isDescendant(pid, process.pid),
};

export interface CgroupHome {
  readonly version: 1 | 2;
  /** The folder that takes one folder for each host. */
  readonly path: string;
}

export interface CgroupRefusal {
  readonly why: string;
}

export interface HostCgroup {
  readonly path: string;
  /**
   * Moves a process in, apart from the event loop: the kernel takes some milliseconds, about as long as a host needs to
   * get to the plugin's first line. `refused` is called when it must not be done.
   */
  adopt(pid: number, refused: () => void): void;
  /** The kernel has ended a process of this group for its memory. */
  outOfMemory(): boolean;
  pids(): number[];
  /** False while something still runs in it. */
  remove(): boolean;
}

/** A process may start another one between the look and the move; more than this is a race that is lost. */
const MOVES_MAX = 3;

const DELEGATION_ADVICE =
  "start this program with a group of its own: systemd-run --user --scope -p Delegate=yes distributed_system … , or Delegate=yes in its service";

/** Where groups of hosts can be made, or why nowhere. Changes nothing. */
export function findCgroupHome(places: CgroupPlaces = OWN_PLACES): CgroupHome | CgroupRefusal {
  const found = look(places);
  return "path" in found ? { version: found.version, path: found.path } : found;
}

/** The same place, ready for groups: may move this process and its children to a leaf, and has tried to make a group. */
export function prepareCgroupHome(places: CgroupPlaces = OWN_PLACES): CgroupHome | CgroupRefusal {
  const found = look(places);
  if (!("path" in found)) return found;
  const { path, version } = found;
  try {
    if (found.toEmpty) moveToLeaf(path, places);
    if (found.toEnable) writeFileSync(join(path, "cgroup.subtree_control"), "+memory");
    const probe = join(path, `distributed_system-probe-${process.pid}`);
    mkdirSync(probe);
    removeGroup(probe);
    return { version, path };
  } catch (thrown) {
    return { why: cannotMake(path, version, thrown) };
  }
}

/** Fails when it cannot be made or limited; then there is none. */
export function hostCgroup(home: CgroupHome, name: string, limitBytes: number): HostCgroup {
  const path = join(home.path, name);
  mkdirSync(path);
  try {
    if (home.version === 1) limitVersionOne(path, limitBytes);
    else limitVersionTwo(path, limitBytes);
  } catch (thrown) {
    removeGroup(path); // nobody else knows of it yet
    throw thrown;
  }
  return {
    path,
    adopt: (pid, refused) => void adopt(join(path, "cgroup.procs"), pid, refused),
    outOfMemory: () =>
      /^oom_kill [1-9]/m.test(readFile(join(path, home.version === 1 ? "memory.oom_control" : "memory.events"))),
    pids: () => readLines(join(path, "cgroup.procs")).map(Number),
    remove: () => removeGroup(path),
  };
}

async function adopt(file: string, pid: number, refused: () => void): Promise<void> {
  try {
    await writeFile(file, String(pid));
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "ENOENT") refused(); // else the host has ended before it was moved
  }
}

function limitVersionOne(path: string, limitBytes: number): void {
  writeFileSync(join(path, "memory.limit_in_bytes"), String(limitBytes));
  writeIfThere(join(path, "memory.memsw.limit_in_bytes"), String(limitBytes));
}

function limitVersionTwo(path: string, limitBytes: number): void {
  writeFileSync(join(path, "memory.max"), String(limitBytes));
  writeIfThere(join(path, "memory.swap.max"), "0");
  writeIfThere(join(path, "memory.oom.group"), "1");
}

export function removeGroup(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "ENOENT";
  }
}

/** Folder of this process's group in the version 1 hierarchy of the memory controller. */
function versionOne(mounts: readonly string[], own: readonly string[]): string | undefined {
  const path = own
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
    .find((found) => found?.[1]?.split(",").includes("memory"))?.[2];
  if (path === undefined) return undefined;
  return folderOf(mounts, path, (type, options) => type === "cgroup" && options.split(",").includes("memory"));
}

function versionTwo(mounts: readonly string[], own: readonly string[]): string | undefined {
  const path = own.map((line) => /^0::(.*)$/.exec(line)).find(Boolean)?.[1];
  if (path === undefined) return undefined;
  return folderOf(mounts, path, (type) => type === "cgroup2");
}

/** A container sees only a part of the hierarchy: `root` of the mount is what lies at its mount point. */
function folderOf(
  mounts: readonly string[],
  path: string,
  fits: (type: string, options: string) => boolean,
): string | undefined {
  for (const line of mounts) {
    const [before, after] = line.split(" - ");
    const [type, , options = ""] = after?.split(" ") ?? [];
    const [root, point] = before?.split(" ").slice(3, 5) ?? [];
    if (!type || !root || !point || !fits(type, options)) continue;
    if (root === "/") return join(point, path);
    if (path === root || path.startsWith(`${root}/`)) return join(point, path.slice(root.length));
  }
  return undefined;
}

/** A home, and what has to be done before groups can be made there. */
interface FoundHome extends CgroupHome {
  /** Its processes have to move to a leaf. */
  readonly toEmpty: boolean;
  /** Its groups have to be given the memory controller. */
  readonly toEnable: boolean;
}

function look(places: CgroupPlaces): FoundHome | CgroupRefusal {
  const [mounts, own] = [readLines(places.mounts), readLines(places.own)];
  const first = versionOne(mounts, own);
  if (first) return writable({ version: 1, path: first, toEmpty: false, toEnable: false });
  const second = versionTwo(mounts, own);
  if (!second) return { why: "no control groups with memory are mounted here" };
  return lookInVersionTwo(second, places);
}

function lookInVersionTwo(own: string, places: CgroupPlaces): FoundHome | CgroupRefusal {
  const unit = /\.(service|scope)$/;
  const isLeafOfUnit = !unit.test(basename(own)) && unit.test(basename(dirname(own)));
  const path = isLeafOfUnit ? dirname(own) : own;
  const has = (file: string): boolean => readFile(join(path, file)).split(/\s+/).includes("memory");
  if (!has("cgroup.controllers")) return { why: `the memory controller is not given to ${path}; ${DELEGATION_ADVICE}` };
  const toEnable = !has("cgroup.subtree_control");
  const toEmpty = toEnable && !isLeafOfUnit;
  try {
    if (toEmpty) processesToMove(path, places);
    if (toEnable) accessSync(join(path, "cgroup.subtree_control"), constants.W_OK);
  } catch (thrown) {
    return { why: cannotMake(path, 2, thrown) };
  }
  return writable({ version: 2, path, toEmpty, toEnable });
}

function writable(home: FoundHome): FoundHome | CgroupRefusal {
  try {
    accessSync(home.path, constants.W_OK | constants.X_OK);
    return home;
  } catch (thrown) {
    return { why: cannotMake(home.path, home.version, thrown) };
  }
}

function cannotMake(path: string, version: 1 | 2, thrown: unknown): string {
  const why = `no groups can be made below ${path}: ${messageOf(thrown)}`;
  return version === 1 ? why : `${why}; ${DELEGATION_ADVICE}`;
}

/** A group of version 2 that has processes of its own cannot give its children memory limits. */
function moveToLeaf(home: string, places: CgroupPlaces): void {
  const leaf = join(home, "daemon");
  for (let round = 0; round < MOVES_MAX; round++) {
    const inside = processesToMove(home, places);
    if (inside.length === 0) return;
    mkdirSync(leaf, { recursive: true });
    for (const pid of inside) writeFileSync(join(leaf, "cgroup.procs"), String(pid));
  }
}

/** Fails when there are processes that are not of this program: those are not ours to move. */
function processesToMove(home: string, { isOurs }: CgroupPlaces): number[] {
  const inside = readLines(join(home, "cgroup.procs")).map(Number);
  const others = inside.filter((pid) => !isOurs(pid)).length;
  if (others > 0) throw new Error(`${others} processes that are not of this program share this group`);
  return inside;
}

/** Groups below `home` whose names begin so: what a dead instance has left. */
export function groupsNamed(home: CgroupHome, prefix: string): string[] {
  try {
    return readdirSync(home.path)
      .filter((name) => name.startsWith(prefix))
      .map((name) => join(home.path, name));
  } catch {
    return []; // the hierarchy is gone or not ours to read
  }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // not there in this version of the kernel, or gone
  }
}

function readLines(path: string): string[] {
  return readFile(path).split("\n").filter(Boolean);
}

function writeIfThere(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "r+" });
  } catch {
    // an option that this kernel does not have; the limit itself is set
  }
}

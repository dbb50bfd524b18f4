/**
 * Processes as Linux shows them in /proc: who lives, since when, whose child, and what it uses. Nothing here throws for a
 * process that is gone or not ours to look at: the answer is undefined. Without /proc everything is undefined.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import type { ProcessUsage } from "./host-limits.ts";

export interface ProcessStat {
  /** R, S, D, Z, … as in `ps`. */
  readonly state: string;
  readonly parent: number;
  /** Clock ticks since the machine started: with the pid it names one process for ever. */
  readonly startTicks: string;
  readonly cpuMs: number;
}

/** Linux has told user programs 100 ticks a second on every architecture for decades, whatever its own rate is. */
const MS_PER_TICK = 10;
const KIB = 1024;
/** A tree of processes deeper than this is a loop of pids that were reused while we looked. */
const DESCENDANTS_MAX = 1_000;
const GENERATIONS_MAX = 100;

export function processStat(pid: number | "self"): ProcessStat | undefined {
  return parseStat(readText(`/proc/${pid}/stat`));
}

export async function processStatLater(pid: number): Promise<ProcessStat | undefined> {
  return parseStat(await readLater(`/proc/${pid}/stat`));
}

/** Ended, though its parent may not have noticed, is not alive. */
export function isAlive(found: ProcessStat | undefined): found is ProcessStat {
  return found !== undefined && !/^[ZXx]$/.test(found.state);
}

/** When a living process started: no other one has the same pid and this. Undefined when it has ended, or without /proc. */
export function startTicksOf(pid: number | "self"): string | undefined {
  const found = processStat(pid);
  return isAlive(found) ? found.startTicks : undefined;
}

/** Containers on one machine count their processes apart; pids of two namespaces do not compare. Undefined without /proc. */
export function pidNamespace(): string | undefined {
  try {
    return /\[(\d+)\]/.exec(readlinkSync("/proc/self/ns/pid"))?.[1];
  } catch {
    return undefined; // no /proc on this machine
  }
}

/** A signal that is not sent asks, also without /proc, whether the process is there; a zombie is. */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM"; // somebody else's
  }
}

/** What one process uses now, or undefined when it is gone, not ours to look at, or there is no /proc. */
export function processUsage(pid: number): ProcessUsage | undefined {
  const found = processStat(pid);
  const memoryBytes = ownMemory(readText(`/proc/${pid}/status`));
  if (!found || memoryBytes === undefined) return undefined;
  const files = openFiles(pid);
  return { memoryBytes, cpuMs: found.cpuMs, ...(files !== undefined && { files }) };
}

/** The same, with the memory and the processor time of the processes that it has started and that are its children still. */
export function familyUsage(pid: number): ProcessUsage | undefined {
  const own = processUsage(pid);
  if (!own) return undefined;
  let { memoryBytes, cpuMs } = own;
  for (const child of descendantsOf(pid)) {
    memoryBytes += ownMemory(readText(`/proc/${child}/status`)) ?? 0;
    cpuMs += processStat(child)?.cpuMs ?? 0;
  }
  return { ...own, memoryBytes, cpuMs };
}

/** Children of the main thread and theirs: processes that a worker thread has started do not show here. */
function descendantsOf(pid: number): number[] {
  const found = childrenOf(pid);
  for (let at = 0; at < found.length && found.length < DESCENDANTS_MAX; at++) found.push(...childrenOf(found[at]!));
  return found;
}

function childrenOf(pid: number): number[] {
  const text = readText(`/proc/${pid}/task/${pid}/children`);
  return text ? text.trim().split(" ").filter(Boolean).map(Number) : [];
}

/** Whether `pid` is `ancestor` or was started by it, by one that it has started, and so on, and none of them has ended. */
export function isDescendant(pid: number, ancestor: number): boolean {
  let at = pid;
  for (let up = 0; up < GENERATIONS_MAX && at > 1; up++) {
    if (at === ancestor) return true;
    at = processStat(at)?.parent ?? 0;
  }
  return false;
}

export async function allPids(): Promise<number[]> {
  try {
    return (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  } catch {
    return []; // no /proc on this machine
  }
}

/** The variable's value in a process's first environment. Read apart from the event loop: it can wait for the process. */
export async function environmentValue(pid: number, name: string): Promise<string | undefined> {
  const text = await readLater(`/proc/${pid}/environ`);
  const found = text?.split("\0").find((each) => each.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

export async function commandLine(pid: number): Promise<string> {
  return (await readLater(`/proc/${pid}/cmdline`))?.split("\0").join(" ").trim() ?? "";
}

export async function userOf(pid: number): Promise<number | undefined> {
  try {
    return (await stat(`/proc/${pid}`)).uid;
  } catch {
    return undefined; // gone
  }
}

/** The name in the second field may hold blanks and brackets; what follows the last bracket may not. */
export function parseStat(text: string | undefined): ProcessStat | undefined {
  if (!text) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent, startTicks] = [fields[0], Number(fields[1]), fields[19]];
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (state === undefined || startTicks === undefined || Number.isNaN(parent) || Number.isNaN(ticks)) return undefined;
  return { state, parent, startTicks, cpuMs: ticks * MS_PER_TICK };
}

/** RssAnon leaves out files, shared memory and the program itself; VmSwap is what of it lies on the disk. */
export function ownMemory(status: string | undefined): number | undefined {
  const resident = /^RssAnon:\s+(\d+) kB$/m.exec(status ?? "")?.[1];
  if (resident === undefined) return undefined;
  const swapped = /^VmSwap:\s+(\d+) kB$/m.exec(status ?? "")?.[1] ?? 0;
  return (Number(resident) + Number(swapped)) * KIB;
}

function openFiles(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined; // gone, or another user's
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // gone, or another user's
  }
}

async function readLater(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined; // gone, or another user's
  }
}

/** Looks at processes from outside, through /proc: who lives, whose child it is, what it was started as. */
import { readdirSync, readFileSync } from "node:fs";

/** Not a zombie, not gone. */
export function isAlive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== "" && !/^[ZX]/.test(afterName(stat));
}

export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => parentOf(each) === pid && isAlive(each));
}

/** Plugin hosts of a main process. */
export function hostsOf(pid: number): number[] {
  return childrenOf(pid).filter(isHost);
}

export function isHost(pid: number): boolean {
  return read(`/proc/${pid}/cmdline`).split("\0").includes("plugin-host");
}

/** Processes whose command line has these words, one after the other. */
export function runningWith(...words: readonly string[]): readonly number[] {
  const wanted = `\0${words.join("\0")}\0`;
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => isAlive(pid) && read(`/proc/${pid}/cmdline`).includes(wanted));
}

export function isGone(pid: number): boolean {
  return !isAlive(pid);
}

/** Kills a process that a test started, or its child. True when it was there to be killed. */
export function killHard(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false; // it ended by itself a moment before
  }
}

/** Shared memory that this program's processes have left behind or not unlinked yet. */
export function sharedMemoryFiles(pid: number): string[] {
  return readdirSync("/dev/shm").filter((name) => name.startsWith(`distributed_system-${pid}-`));
}

function parentOf(pid: number): number {
  return Number(afterName(read(`/proc/${pid}/stat`)).split(" ")[1] ?? 0);
}

/** The name in /proc/PID/stat may hold blanks and brackets; what follows it may not. */
function afterName(stat: string): string {
  return stat.slice(stat.lastIndexOf(")") + 2);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/**
 * Which processes have a file open for writing. Asks /proc, so it sees the caller's own user's processes on Linux and
 * nothing elsewhere: a safety net, not a lock.
 */
import { readdir, readFile, readlink } from "node:fs/promises";

/** Bits of the open flags that say how a file was opened; zero is read-only. */
const ACCESS_MODE = 0o3;

export async function processesWriting(path: string): Promise<readonly number[]> {
  const names = await readdir("/proc").catch(() => []); // no /proc: nothing to be known
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const writing = await Promise.all(pids.map((pid) => hasOpenForWriting(pid, path)));
  return pids.filter((_, index) => writing[index]);
}

async function hasOpenForWriting(pid: number, path: string): Promise<boolean> {
  const directory = `/proc/${pid}/fd`;
  const descriptors = await readdir(directory).catch(() => []); // another user's process, or one that has just ended
  for (const descriptor of descriptors) {
    const target = await readlink(`${directory}/${descriptor}`).catch(() => ""); // closed meanwhile
    if (target === path && (await isWritable(pid, descriptor))) return true;
  }
  return false;
}

async function isWritable(pid: number, descriptor: string): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/fdinfo/${descriptor}`, "utf8").catch(() => ""); // closed meanwhile
  const flags = /^flags:\s*([0-7]+)$/m.exec(text)?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & ACCESS_MODE) !== 0;
}

/**
 * Processes that carry a host's marker in their environment, wherever they have moved to: a new session, a new process
 * group, a new parent. Found in /proc; killed only when they are still the very process that was found, and ours.
 */
import { instanceState, MARKER_NAME, type Marker, parseMarker } from "./instance.ts";
import { allPids, commandLine, environmentValue, isAlive, processStat, processStatLater, userOf } from "./proc.ts";

export interface MarkedProcess extends Marker {
  readonly pid: number;
  readonly startTicks: string;
}

export interface Orphan {
  readonly pid: number;
  readonly instance: string;
  readonly command: string;
}

/** Reads at the same time: more only wait for each other in the pool of threads. */
const AT_ONCE = 16;

/** `since`: start time of the oldest process that can be meant; the others' environments are not even read. */
export async function markedProcesses(
  wanted: (marker: Marker) => boolean,
  since: string | undefined = undefined,
): Promise<MarkedProcess[]> {
  const pids = (await allPids()).filter((pid) => pid !== process.pid);
  const found: MarkedProcess[] = [];
  const work = async (): Promise<void> => {
    for (let pid = pids.pop(); pid !== undefined; pid = pids.pop()) {
      const marked = await look(pid, since);
      if (marked && wanted(marked)) found.push(marked);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

/** Processes of hosts whose daemon is dead: none should exist. */
export async function findOrphans(): Promise<readonly Orphan[]> {
  const found = await markedProcesses(({ instance }) => instanceState(instance) === "dead");
  return Promise.all(found.map(async ({ pid, instance }) => ({ pid, instance, command: await commandLine(pid) })));
}

/** False when it is gone already, or another process by now. */
export function killMarked({ pid, startTicks }: MarkedProcess): boolean {
  const now = processStat(pid);
  if (!isAlive(now) || now.startTicks !== startTicks) return false;
  return killQuietly(pid, "SIGKILL");
}

/** A negative pid is a process group. False when nobody is there, or nobody of ours. */
export function killQuietly(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false; // ended a moment before
  }
}

async function look(pid: number, since: string | undefined): Promise<MarkedProcess | undefined> {
  const stat = await processStatLater(pid);
  if (!isAlive(stat) || (since !== undefined && BigInt(stat.startTicks) < BigInt(since))) return undefined;
  const marker = parseMarker(await environmentValue(pid, MARKER_NAME));
  if (!marker || (await userOf(pid)) !== process.getuid?.()) return undefined;
  return { ...marker, pid, startTicks: stat.startTicks };
}

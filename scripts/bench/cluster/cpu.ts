/** CPU seconds of a process and of all below it, those that have ended included: what a role has used until now. */
import { readFileSync } from "node:fs";
import { descendantsOfAllThreads } from "../common/process-tree.ts";

/** Of Linux on every machine that Bun runs on. */
const TICKS_PER_SECOND = 100;
/** utime, stime, and both of children that were waited for: fields 14 to 17 of /proc/PID/stat, counted behind the name. */
const FIRST_FIELD = 11;
const FIELDS = 4;

export interface RoleCpu {
  /** Of the process alone. */
  readonly own: number;
  /** Of its hosts. */
  readonly below: number;
}

export function roleCpu(pid: number): RoleCpu {
  const [root, ...others] = descendantsOfAllThreads(pid).map(times);
  const [user = 0, system = 0, ...reaped] = root ?? [];
  return { own: user + system, below: sum([...reaped, ...others.flat()]) };
}

function times(pid: number): readonly number[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields.slice(FIRST_FIELD, FIRST_FIELD + FIELDS).map((ticks) => Number(ticks) / TICKS_PER_SECOND);
  } catch {
    return []; // gone meanwhile: whoever waited for it has its times
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

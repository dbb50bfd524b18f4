/**
 * Which process a record speaks of. A number alone can be another process's by now: with it goes the time the process
 * started, in ticks since the machine did, and which machine's start and which namespace of numbers that was.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat; empty where there is no /proc. */
  readonly startTime: string;
  readonly host: string;
  /** Of this start of the machine. */
  readonly bootId: string;
  /** Containers on one machine count their processes apart. */
  readonly pidNamespace: string;
}

/** `elsewhere`: of another machine or container, whose processes cannot be looked at from here. */
export type Life = "alive" | "dead" | "elsewhere";

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? "", ...surroundings() };
}

export function lifeOf(identity: ProcessIdentity): Life {
  const here = surroundings();
  if (identity.host !== here.host) return "elsewhere";
  if (identity.bootId !== here.bootId) return "dead"; // the machine was started anew since
  if (identity.pidNamespace !== here.pidNamespace) return "elsewhere";
  if (identity.startTime === "") return isThere(identity.pid) ? "alive" : "dead";
  return startTimeOf(identity.pid) === identity.startTime ? "alive" : "dead";
}

/** Undefined for a process that is gone, or a zombie: that one only waits for its parent to hear of its end. */
export function startTimeOf(pid: number): string | undefined {
  return startTimeFrom(read(`/proc/${pid}/stat`));
}

/** The name, second, may hold blanks and brackets: fields are counted behind its closing bracket. */
export function startTimeFrom(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", startTime] = [fields[0], fields[22 - 3]];
  return /^[ZXx]?$/.test(state) ? undefined : startTime;
}

function surroundings(): Pick<ProcessIdentity, "host" | "bootId" | "pidNamespace"> {
  return { host: hostname(), bootId: read("/proc/sys/kernel/random/boot_id").trim(), pidNamespace: ownPidNamespace() };
}

function ownPidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** A signal that is not sent asks all the same whether the process is there. */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as { code?: unknown }).code === "EPERM"; // node's errors carry a code; that one is somebody else's
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

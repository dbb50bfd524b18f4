/**
 * Which process a record speaks of. A number alone can be another process's by now: with it goes the time the process
 * started, in ticks since the machine did, and which machine's start and which namespace of numbers that was.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { isThere, pidNamespace, startTicksOf } from "../../process/limits/index.ts";

export interface ProcessIdentity {
  readonly pid: number;
  /** In ticks since the machine started; empty where there is no /proc. */
  readonly startTime: string;
  readonly host: string;
  /** Of this start of the machine. */
  readonly bootId: string;
  /** Containers on one machine count their processes apart; empty where there is no /proc. */
  readonly pidNamespace: string;
}

/** `elsewhere`: of another machine or container, whose processes cannot be looked at from here. */
export type Life = "alive" | "dead" | "elsewhere";

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: startTicksOf("self") ?? "", ...surroundings() };
}

export function lifeOf(identity: ProcessIdentity): Life {
  const here = surroundings();
  if (identity.host !== here.host) return "elsewhere";
  if (identity.bootId !== here.bootId) return "dead"; // the machine was started anew since
  if (identity.pidNamespace !== here.pidNamespace) return "elsewhere";
  if (identity.startTime === "") return isThere(identity.pid) ? "alive" : "dead";
  return startTicksOf(identity.pid) === identity.startTime ? "alive" : "dead";
}

function surroundings(): Pick<ProcessIdentity, "host" | "bootId" | "pidNamespace"> {
  return { host: hostname(), bootId: bootId(), pidNamespace: pidNamespace() ?? "" };
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return ""; // no /proc on this machine
  }
}

/**
 * Who this daemon is, in a word that no other process ever has: pid, start time and pid namespace. Hosts carry it in their
 * environment, children inherit it; so whoever finds such a process can tell whether its daemon lives.
 */
import { readlinkSync } from "node:fs";
import { isAlive, processStat } from "./proc.ts";

/** In the environment of each host and of all that it starts: `<instance>/<host>`. */
export const MARKER_NAME = "DISTRIBUTED_SYSTEM_HOST";

export interface Marker {
  readonly instance: string;
  readonly host: number;
}

export type InstanceState = "alive" | "dead" | "unknown";

/** `<pid>-<start>-<namespace>`; the last two are 0 where there is no /proc. */
export function ownInstance(): string {
  return `${process.pid}-${processStat("self")?.startTicks ?? "0"}-${ownNamespace()}`;
}

/** Unknown is an instance of another pid namespace: its pid says nothing here. And all of them where there is no /proc. */
export function instanceState(instance: string): InstanceState {
  const found = /^(\d+)-(\d+)-(\d+)$/.exec(instance);
  const namespace = ownNamespace();
  if (!found || namespace === "0" || found[3] !== namespace) return "unknown";
  const live = processStat(Number(found[1]));
  return isAlive(live) && live.startTicks === found[2] ? "alive" : "dead";
}

export function isInstance(text: string): boolean {
  return /^\d+-\d+-\d+$/.test(text);
}

export function markerOf(instance: string, host: number): string {
  return `${instance}/${host}`;
}

export function parseMarker(value: string | undefined): Marker | undefined {
  const found = /^(\d+-\d+-\d+)\/(\d{1,15})$/.exec(value ?? "");
  return found ? { instance: found[1]!, host: Number(found[2]) } : undefined;
}

function ownNamespace(): string {
  try {
    return /\[(\d+)\]/.exec(readlinkSync("/proc/self/ns/pid"))?.[1] ?? "0";
  } catch {
    return "0"; // no /proc on this machine
  }
}

/**
 * Who this daemon is, in a word that no other process ever has: pid, start time and pid namespace. Hosts carry it in their
 * environment, children inherit it; so whoever finds such a process can tell whether its daemon lives.
 */
import { pidNamespace, startTicksOf } from "./proc.ts";

/** In the environment of each host and of all that it starts: `<instance>/<host>`. */
export const MARKER_NAME = "DISTRIBUTED_SYSTEM_HOST";

export interface Marker {
  readonly instance: string;
  readonly host: number;
}

export type InstanceState = "alive" | "dead" | "unknown";

/** `<pid>-<start>-<namespace>`; the last two are 0 where there is no /proc. */
export function ownInstance(): string {
  return `${process.pid}-${startTicksOf("self") ?? "0"}-${pidNamespace() ?? "0"}`;
}

/** Unknown is an instance of another pid namespace: its pid says nothing here. And all of them where there is no /proc. */
export function instanceState(instance: string): InstanceState {
  const found = /^(\d+)-(\d+)-(\d+)$/.exec(instance);
  if (!found || found[3] !== pidNamespace()) return "unknown";
  return startTicksOf(Number(found[1])) === found[2] ? "alive" : "dead";
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

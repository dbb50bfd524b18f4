/** Whose connections they are: of those that are open at a port, how many each process holds. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const ESTABLISHED = "01";

/** By process; of clients' connections at this port of 127.0.0.1. */
export function connectionsOf(port: number, pids: readonly number[]): ReadonlyMap<number, number> {
  const open = socketsAt(readFileSync("/proc/net/tcp", "latin1"), port);
  return new Map(pids.map((pid) => [pid, [...socketsOf(pid)].filter((socket) => open.has(socket)).length]));
}

/** The kernel's numbers of sockets; `text` is a table like /proc/net/tcp. */
export function socketsAt(text: string, port: number): ReadonlySet<string> {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const found = new Set<string>();
  for (const line of text.split("\n").slice(1)) {
    const [, local, , state, , , , , , socket] = line.trim().split(/\s+/);
    if (local?.endsWith(end) && state === ESTABLISHED && socket !== undefined) found.add(socket);
  }
  return found;
}

function* socketsOf(pid: number): Iterable<string> {
  for (const number of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const [, socket] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${number}`)) ?? [];
      if (socket !== undefined) yield socket;
    } catch {
      // closed meanwhile
    }
  }
}

/**
 * Ports for servers that have to be at a place that is known before they are there, or come back to it after a kill. They are none of those that
 * the system hands out by itself: such a one may be anybody's the moment nobody listens on it, another test's or that of a connection.
 */
import { readFileSync } from "node:fs";

/** Above what usual servers have. */
const FIRST = 20_000;
/** With fewer to choose from, tests that run at once would meet. */
const PORTS_MIN = 1_000;

const given = new Set<number>();

/** A TCP port of 127.0.0.1 that nobody listens on at this moment, another one each time. */
export function freePort(): number {
  const count = systemPortsFrom() - FIRST;
  if (count < PORTS_MIN) return listened(0)!;
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * count);
    if (given.has(port) || listened(port) === undefined) continue;
    given.add(port);
    return port;
  }
}

/** Several, that nobody has on UDP either: a node listens on both, and is told of others before they do. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = freePort();
    const udp = await Bun.udpSocket({ hostname: "127.0.0.1", port }).catch(() => undefined);
    if (!udp) continue;
    udp.close();
    ports.push(port);
  }
  return ports;
}

/** The first of those that the system hands out: to who asks for port 0, and to connections. Linux: ip(7), ip_local_port_range. */
function systemPortsFrom(): number {
  try {
    return Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"), 10);
  } catch {
    return 0; // another system: it shall choose
  }
}

/** Undefined when somebody listens there. */
function listened(port: number): number | undefined {
  try {
    const server = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
    const taken = server.port;
    server.stop(true);
    return taken;
  } catch {
    return undefined;
  }
}

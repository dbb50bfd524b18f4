/** Binds ports on the loopback interface, and gives them back at once. */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import type { Diagnosis } from "./check.ts";
import { judgeLoopback, judgePort, type PortFacts } from "./judge-machine.ts";

const LOOPBACK = "127.0.0.1";
const ANY_PORT = 0;

export async function probeLoopback(): Promise<Diagnosis> {
  return judgeLoopback(await bind(ANY_PORT));
}

export async function probePort(port: number, whose: string): Promise<Diagnosis> {
  return judgePort(port, whose, await bind(port));
}

async function bind(port: number): Promise<PortFacts> {
  const [tcp, udp] = await Promise.all([bindTcp(port), bindUdp(port)]);
  return { tcp, udp };
}

/** Why it could not be bound; undefined when it could. */
function bindTcp(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(error.message));
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function bindUdp(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", (error) => {
      socket.close();
      resolve(error.message);
    });
    socket.bind({ address: LOOPBACK, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}

/** Port numbers that are free on TCP and UDP at this moment, chosen by the system. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: { stop(): unknown }[] = [];
  const ports: number[] = [];
  while (ports.length < count) {
    const tcp = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    servers.push(tcp);
    const udp = await Bun.udpSocket({ hostname: "127.0.0.1", port: tcp.port }).catch(() => undefined);
    if (!udp) continue; // somebody has that number on UDP
    servers.push({ stop: () => udp.close() });
    ports.push(tcp.port);
  }
  for (const server of servers) server.stop();
  return ports;
}

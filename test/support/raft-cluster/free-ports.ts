/** Port numbers that are free on TCP and UDP at this moment, chosen by the system: a master is told of the others before they listen. */
export async function freePorts(count: number): Promise<number[]> {
  const held: { stop(): unknown }[] = [];
  const ports: number[] = [];
  while (ports.length < count) {
    const tcp = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    held.push(tcp);
    const udp = await Bun.udpSocket({ hostname: "127.0.0.1", port: tcp.port }).catch(() => undefined);
    if (!udp) continue; // somebody has that number on UDP
    held.push({ stop: () => udp.close() });
    ports.push(tcp.port);
  }
  for (const each of held) each.stop();
  return ports;
}

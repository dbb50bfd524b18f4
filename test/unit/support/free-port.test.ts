import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { freePort } from "../../support/free-port.ts";

const RANGE = "/proc/sys/net/ipv4/ip_local_port_range";

test("freePort() gives another port each time, and none that the system hands out by itself", () => {
  const [from, to] = readFileSync(RANGE, "utf8").split(/\s+/).map(Number) as [number, number];
  const ports = Array.from({ length: 50 }, () => freePort());
  expect(new Set(ports).size).toBe(ports.length);
  for (const port of ports) {
    if (from > 30_000) expect(port < from || port > to).toBe(true);
    using server = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
    expect(server.port).toBe(port);
  }
});

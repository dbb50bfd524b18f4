/** Whose connections they are. */
import { expect, test } from "bun:test";
import { connectionsOf, socketsAt } from "../../../../../scripts/bench/gateway/connections.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0 100 0 0 10 0
   1: 0100007F:0050 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 101 1 0 20 4 30 10 -1
   2: 0100007F:C001 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 102 1 0 20 4 30 10 -1
   3: 0100007F:0050 0100007F:C002 06 00000000:00000000 03:00001728 00000000     0        0 0 3 0
   4: 0100007F:1050 0100007F:C003 01 00000000:00000000 00:00000000 00000000     0        0 104 1 0 20 4 30 10 -1
`;

test("socketsAt() gives open connections at the port alone, not their other ends, listeners and what is over", () => {
  expect([...socketsAt(TABLE, 80)]).toEqual(["101"]);
  expect([...socketsAt(TABLE, 8_080)]).toEqual([]);
});

test("connectionsOf() counts what a process holds when clients are connected", async () => {
  const accepted = Promise.withResolvers<void>();
  let open = 0;
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data() {},
      open() {
        open++;
        if (open === 3) accepted.resolve();
      },
    },
  });
  const clients = await Promise.all(
    [1, 2, 3].map(() => Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: { data() {} } })),
  );
  await accepted.promise;
  expect(connectionsOf(server.port, [process.pid]).get(process.pid)).toBe(3);
  for (const client of clients) client.end();
  server.stop(true);
});

/** What no library would send: requests without a usable host, as health checks of HTTP/1.0 are. */
import { expect, test } from "bun:test";
import { ServiceCluster } from "../support/services.ts";

async function raw(address: string, text: string): Promise<string> {
  const [hostname, port] = address.split(":") as [string, string];
  const got = Promise.withResolvers<string>();
  let heard = "";
  using socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data(_, bytes) {
        heard += bytes.toString();
        if (heard.includes("\r\n\r\n")) got.resolve(heard);
      },
      close: () => got.resolve(heard),
    },
  });
  socket.write(text);
  return await got.promise; // the socket closes behind it
}

test("a node answers requests without a usable host, and sends links away that have no token", async () => {
  await using cluster = await ServiceCluster.start({}, { n1: {} });
  const address = cluster.address("n1");
  for (const head of [
    "GET /health HTTP/1.0\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost:\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost: a b/[\r\n\r\n",
  ]) {
    expect(await raw(address, head)).toStartWith("HTTP/1.1 200");
  }
  expect(await raw(address, "GET /cluster/status HTTP/1.0\r\n\r\n")).toStartWith("HTTP/1.1 401");
  expect(await raw(address, "GET /link HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 4/);
});

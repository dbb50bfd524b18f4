/** Streams of services over HTTP, and readers that do not read them to their end: none of them may keep a place in the service. */
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { type Client, clientOf } from "../support/http.ts";
import { ServiceCluster } from "../support/services.ts";
import { until } from "../support/until.ts";

/** One item, then nothing until its reader has gone. */
const SILENT = `
  import { defineService, method } from "distributed-system/service";
  let open = 0;
  export default defineService({
    name: "silent", version: "1.0.0",
    methods: {
      open: method({ public: true, access: "read", handler: () => open }),
      hello: method({ public: true, access: "read", http: "POST /health", handler: () => "hello" }),
      items: method({ public: true, access: "read", stream: true, http: "GET /items", handler: async function* (_, { signal }) {
        open++;
        try {
          yield "first";
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        } finally {
          open--;
        }
      } }),
    },
  });`;

/** More than the service gives to readers at once. */
const READERS = 600;
const AT_ONCE = 20;

async function served(): Promise<{ readonly cluster: ServiceCluster; readonly viewer: Client }> {
  const cluster = await ServiceCluster.start({ "silent/silent.ts": SILENT }, { n1: { services: ["silent"] } });
  await cluster.untilServed("n1", "silent", "n1");
  return { cluster, viewer: await cluster.client("n1", "viewer") };
}

function untilNobodyReads(viewer: Client): Promise<unknown> {
  return until("no stream is open", async () => (await viewer.rpc<unknown>("silent.open")).body === 0);
}

test("those who ask for a stream's headers alone take no place of those who read it", async () => {
  const { cluster, viewer } = await served();
  await using _ = cluster;
  const statuses = new Set<number>();
  let left = READERS;
  const asking = Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) statuses.add((await viewer.ask("/items", { method: "HEAD" })).status);
  });
  await Promise.all(asking);
  expect(statuses).toEqual(new Set([200]));
  await untilNobodyReads(viewer);
  const reader = (await viewer.ask("/items")).body!.getReader();
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('"first"\n');
  await reader.cancel();
  await untilNobodyReads(viewer);
});

test("a reader that is cut off ends its stream, silent as it is, whichever node it asked", async () => {
  const { cluster, viewer } = await served();
  await using _ = cluster;
  await cluster.add("n2");
  await cluster.untilServed("n2", "silent", "n1");
  for (const name of ["n1", "n2"]) {
    for (const accept of ["application/x-ndjson", "text/event-stream"]) {
      const [host, port] = cluster.address(name).split(":") as [string, string];
      const socket = connect({ host, port: Number(port) });
      const token = await cluster.token("viewer");
      socket.write(`GET /items HTTP/1.1\r\nhost: x\r\naccept: ${accept}\r\nauthorization: Bearer ${token}\r\n\r\n`);
      let text = "";
      socket.on("data", (bytes) => {
        text += bytes.toString();
      });
      await until("the first item has come", () => text.includes('"first"'));
      expect((await viewer.rpc<unknown>("silent.open")).body).toBe(1);
      socket.destroy();
      await untilNobodyReads(viewer);
    }
  }
});

test("what a service offers at a public path is not answered to whoever shows no token", async () => {
  const { cluster, viewer } = await served();
  await using _ = cluster;
  const post = { method: "POST", body: "{}" };
  expect((await clientOf(cluster.address("n1")).ask("/health", post)).status).toBe(401);
  expect((await viewer.ask("/health", post)).status).toBe(405);
});

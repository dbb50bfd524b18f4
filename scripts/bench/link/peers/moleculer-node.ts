/**
 * One Moleculer broker over its TCP transporter, run by Node.js: `serve PORTS SERIALIZER` echoes, `ask PORTS SERIALIZER STEPS` asks. Settings
 * in its favour: no logs, no metrics, no tracing, no validation, no internal services, a fixed list of nodes.
 */
import { createRequire } from "node:module";
import { askInSteps } from "../ask-loop.ts";
import { LARGE_BYTES, SMALL_BYTES, type Step } from "../contestant.ts";

interface Broker {
  createService(schema: object): void;
  start(): Promise<void>;
  waitForServices(names: readonly string[]): Promise<void>;
  call(action: string, params: unknown): Promise<unknown>;
}

const { ServiceBroker } = createRequire(import.meta.url)("moleculer") as {
  ServiceBroker: new (options: object) => Broker;
};

const [role, ports, serializer, steps] = process.argv.slice(2) as [string, string, string, string | undefined];
const [serverPort, clientPort] = ports.split(",").map(Number) as [number, number];

/** Its default is smaller than the large payload. */
const PACKET_BYTES_MAX = 64 * 1024 * 1024;

const broker = new ServiceBroker({
  nodeID: role,
  namespace: "bench",
  logger: false,
  serializer,
  transporter: {
    type: "TCP",
    options: {
      udpDiscovery: false,
      maxPacketSize: PACKET_BYTES_MAX,
      urls: [`127.0.0.1:${serverPort}/serve`, `127.0.0.1:${clientPort}/ask`],
    },
  },
  validator: false,
  metrics: false,
  tracing: false,
  internalServices: false,
  requestTimeout: 0,
});

if (role === "serve") {
  broker.createService({ name: "echo", actions: { echo: (context: { params: unknown }) => context.params } });
}
await broker.start();
if (role === "serve") console.log("ready");
else {
  await broker.waitForServices(["echo"]);
  const small = { data: "x".repeat(SMALL_BYTES) };
  // As JSON bytes become an array of numbers: text of the same length is what it does best.
  const large = { data: serializer === "JSON" ? "x".repeat(LARGE_BYTES) : Buffer.alloc(LARGE_BYTES) };
  const call = (payload: object) => () => broker.call("echo.echo", payload);
  console.log(
    JSON.stringify(await askInSteps(JSON.parse(steps ?? "[]") as Step[], { small: call(small), large: call(large) })),
  );
}

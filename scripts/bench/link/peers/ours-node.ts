/**
 * One node of ours with nothing but links: `ours-node.ts serve` prints its port and echoes, `ours-node.ts ask PORT STEPS WAY` asks.
 * WAY `request` is the link's own request, `contract` a method of a contract with its schemas checked on both sides.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { systemClock } from "../../../../src/base/clock.ts";
import {
  connectLink,
  type LinkAuth,
  type LinkSocketData,
  linkTransport,
  RPC_TOPIC,
  rpcHandler,
  serveLinks,
} from "../../../../src/wire/link/index.ts";
import { createClient, Dispatcher, defineContract, implement } from "../../../../src/wire/rpc/index.ts";
import { askInSteps } from "../ask-loop.ts";
import { LARGE_BYTES, SMALL_BYTES, type Step } from "../contestant.ts";

const HOST = "127.0.0.1";
/** More than the bench ever has under way. */
const CALLS_MAX = 10_000;

const contract = defineContract({
  name: "bench",
  version: 1,
  about: "gives back what it gets",
  methods: {
    echo: {
      about: "echo",
      input: z.object({ data: z.string() }),
      output: z.object({ data: z.string() }),
      access: "read",
    },
  },
});

/** Who the nodes are costs nothing once they are linked. */
const auth = (id: string): LinkAuth => ({ token: async () => id, verify: async (token) => ({ id: token }) });

function serve(): void {
  const dispatcher = new Dispatcher([implement(contract, { echo: (input) => input })], {
    clock: systemClock,
    callsMax: CALLS_MAX,
  });
  const links = serveLinks({
    auth: auth("server"),
    self: { id: "server", instance: "server" },
    audiences: () => [],
    clock: systemClock,
    handlers: { echo: { request: (payload) => payload }, [RPC_TOPIC]: rpcHandler(dispatcher) },
  });
  const server = Bun.serve<LinkSocketData>({
    hostname: HOST,
    port: 0,
    development: false,
    fetch: (request, its) => links.fetch(request, its),
    websocket: links.websocket,
  });
  console.log(server.port);
}

async function ask(port: number, steps: readonly Step[], way: string): Promise<number[]> {
  const link = await connectLink(
    { host: HOST, port },
    {
      auth: auth("client"),
      self: { id: "client", instance: "client" },
      entropy: randomBytes,
      clock: systemClock,
      handlers: {},
    },
  );
  const small = { data: "x".repeat(SMALL_BYTES) };
  const large = new Uint8Array(LARGE_BYTES);
  const client = createClient(contract, linkTransport(link), { clock: systemClock });
  return await askInSteps(steps, {
    small: way === "contract" ? () => client.echo(small) : () => link.request("echo", small),
    large: () => link.request("echo", large),
  });
}

const [role, port, steps, way] = process.argv.slice(2);
if (role === "serve") serve();
else console.log(JSON.stringify(await ask(Number(port), JSON.parse(steps ?? "[]") as Step[], way ?? "request")));

/**
 * A node of a program of ours that calls a service by its own door, as its way in from HTTP does: `node-load.ts WORK`, JSON. The node is
 * put together as the executable does it, without the HTTP API. Params become JSON, and answers become values, as callers have them.
 */

import { stderrLogger } from "../../../src/app/node/log-sinks.ts";
import { openNode } from "../../../src/app/node/open-node.ts";
import { readSettings } from "../../../src/app/node/settings.ts";
import { openServices } from "../../../src/app/service/open-services.ts";
import { until } from "../../../test/support/until.ts";
import { askAtRate, askFor, type Figures } from "../common/figures.ts";
import { PAYLOAD } from "./site.ts";
import type { Step } from "./steps.ts";

export interface NodeWork {
  readonly dataDir: string;
  /** Nodes that are there; none: it is alone. */
  readonly seeds: readonly string[];
  /** Of its own services. */
  readonly directories: readonly string[];
  readonly passEnv: readonly string[];
  readonly steps: readonly Step[];
}

const CALL_MS_MAX = 10_000;
const NODE_ID = "load";

const work = JSON.parse(process.argv[2]!) as NodeWork; // by the benchmark
const logger = stderrLogger({ name: NODE_ID, level: "error", format: "text" });
const settings = readSettings({
  name: NODE_ID,
  host: "127.0.0.1",
  port: "0",
  seeds: work.seeds,
  dataDir: work.dataDir,
});
const services = openServices({
  settings: { directories: work.directories, passEnv: work.passEnv, watch: false },
  self: NODE_ID,
  dataDir: work.dataDir,
  logger,
});
const node = await openNode({ settings, logger, handlers: services.handlers, services: services.services });
services.opened(node);
node.start();
await until("the service can be called", () =>
  services.door.discover({ service: "echo" }).some(({ healthy }) => healthy > 0),
);

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const caller = { kind: "node", name: NODE_ID, access: "node", scopes: [] } as const;

async function ask(): Promise<unknown> {
  const params = encoder.encode(JSON.stringify(PAYLOAD));
  const answer = await services.door.call({ service: "echo", method: "echo", params, timeoutMs: CALL_MS_MAX, caller });
  return JSON.parse(decoder.decode(answer));
}

const all: Figures[] = [];
for (const { inFlight, ms, rate, warmMs } of work.steps) {
  const run = (forMs: number): Promise<Figures> =>
    rate === undefined ? askFor(forMs, inFlight, ask) : askAtRate(forMs, rate, ask);
  await run(warmMs);
  all.push(await run(ms));
}
console.log(JSON.stringify(all));
await services.ending();
await node.close("leave");
await services.closed();

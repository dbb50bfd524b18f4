/**
 * Good clients beside thousands of slow ones: half of these send heads a byte at a time, half of them read replies of 64 MiB hardly at all. What
 * good clients wait, at a moderate rate, before and with them; the gateway's memory beside it.
 */
import { join } from "node:path";
import { formatBytes } from "../../../src/base/units.ts";
import { type Figures, medians } from "../common/figures.ts";
import { table } from "../common/table.ts";
import { BenchGateway } from "./gateway.ts";
import { ratedLoad } from "./load.ts";
import { nginxUpstream } from "./nginx.ts";
import type { Options } from "./options.ts";
import { Server } from "./server.ts";
import { milliseconds, rate, showAims } from "./show.ts";
import type { Site } from "./site.ts";

const PER_SECOND = 2_000;
const CONNECTIONS = 20;
const TIMES_BASELINE = 2;
/** Between two signs of life of one slow client. */
const EVERY_MS = 1_000;

export async function measureSlow(site: Site, options: Options): Promise<void> {
  const { runs, "slow-clients": clients, "step-ms": ms } = options;
  const upstream = await nginxUpstream(site);
  await using _upstream = upstream.server;
  await using ours = await BenchGateway.start(site, [
    `set|max_connections_per_address=${clients * 2},head_timeout=5m`,
    `route|all|/*|http://127.0.0.1:${upstream.port}|timeout=10m,idle_timeout=5m`,
  ]);
  const load = (forMs: number) =>
    ratedLoad(site, { url: `${ours.url}/small`, connections: CONNECTIONS, ms: forMs, perSecond: PER_SECOND });
  await load(ms / 3);
  const rounds: [alone: Figures, beside: Figures][] = [];
  const memory = { before: ours.server.residentBytes(), most: 0 };
  let cut = 0;
  for (let run = 1; run <= runs; run++) {
    console.error(`run ${run} of ${runs}: alone, beside ${clients} slow clients …`);
    const alone = await load(ms);
    await using slow = await slowClients(site, ours.port, clients);
    rounds.push([alone, await load(ms)]);
    memory.most = Math.max(memory.most, ours.server.residentBytes());
    cut = Math.max(cut, lastCut(slow));
  }
  show(rounds, clients);
  const { before, most } = memory;
  console.log(
    `the gateway's memory: ${formatBytes(before)} before any, ${formatBytes(most)} beside them; cut off: ${cut}\n`,
  );
}

async function slowClients(site: Site, port: number, clients: number): Promise<Server> {
  const words = [port, clients, EVERY_MS].map(String);
  const argv = [process.execPath, join(import.meta.dir, "peers", "slow-clients.ts"), ...words];
  const slow = new Server(site, { name: "slow", place: "load", argv });
  await slow.tells("ready");
  return slow;
}

function lastCut({ said }: Server): number {
  const last = said.trim().split("\n").at(-1)!;
  const { cut = 0 } = JSON.parse(last) as { readonly cut?: number }; // by slow-clients.ts
  return cut;
}

function show(rounds: readonly (readonly [alone: Figures, beside: Figures])[], clients: number): void {
  const alone = medians(rounds.map(([each]) => each));
  const beside = medians(rounds.map(([, each]) => each));
  const row = (label: string, { p50Ms, p99Ms, perSecond }: Figures) => [
    label,
    rate(perSecond),
    milliseconds(p50Ms),
    milliseconds(p99Ms),
  ];
  const rows = [row("alone", alone), row(`beside ${rate(clients)} slow clients`, beside)];
  console.log(`${table(["good clients", "req/s", "p50 ms", "p99 ms"], rows)}\n`);
  const reached = beside.p99Ms / alone.p99Ms;
  showAims([{ what: "p99 beside slow clients ÷ alone", reached, bound: TIMES_BASELINE, isUpper: true }]);
}

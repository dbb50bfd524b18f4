/**
 * What the firewall with the Core Rule Set at paranoia level 1 adds to a request, one at a time: bodies of 8 KB beside the same gateway
 * without it, and the longest single request with 128 KB. The rules' body limits are raised so that all of it is looked at.
 */
import { existsSync } from "node:fs";
import { median, quantile } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { BenchGateway } from "./gateway.ts";
import { nginxUpstream } from "./nginx.ts";
import { type OneByOne, oneByOne } from "./one-by-one.ts";
import type { Options } from "./options.ts";
import type { Server } from "./server.ts";
import { milliseconds, showAims } from "./show.ts";
import type { Site } from "./site.ts";
import { DEAR_BODIES, USUAL_BODIES, type WafBody } from "./waf-bodies.ts";

export const RULES = "/usr/share/modsecurity-crs";
const USUAL_BYTES = 8 * 1_024;
const DEAR_BYTES = 128 * 1_024;
const ADDED_P99_MS = 2;
const SINGLE_MS = 50;
/** Each kind of dear body, so often. */
const DEAR_TIMES = 10;

export async function measureWaf(site: Site, options: Options): Promise<void> {
  if (!existsSync(RULES)) return console.log("waf is left out: apt-get install modsecurity-crs\n");
  const upstream = await nginxUpstream(site);
  await using _upstream = upstream.server;
  const target = `http://127.0.0.1:${upstream.port}`;
  const lines = [
    `route|plain|/plain/*|${target}|max_body=1MiB`,
    `route|waf|/waf/*|${target}|max_body=1MiB`,
    `waf|${RULES}|detect|routes=waf,paranoia=1,max_body=1MiB`,
  ];
  await using ours = await BenchGateway.start(site, lines);
  await usual(ours, options);
  await dear(ours);
}

interface Asked {
  readonly times: readonly number[];
  /** Milliseconds of processor for one request. */
  readonly cpuMs: number;
}

async function usual({ server, url }: BenchGateway, { runs, "step-ms": ms }: Options): Promise<void> {
  const rows: string[][] = [];
  const added: number[] = [];
  for (const { body, name, type } of USUAL_BODIES) {
    const text = body(USUAL_BYTES);
    const asked: [plain: Asked[], waf: Asked[]] = [[], []];
    for (let run = 0; run <= runs; run++) {
      console.error(`run ${run} of ${runs}: ${name} …`);
      const plain = await timed(server, { url: `${url}/plain/x`, type, text, ms: ms / 2 });
      const waf = await timed(server, { url: `${url}/waf/x`, type, text, ms });
      if (run === 0) continue; // it warms up
      asked[0].push(plain);
      asked[1].push(waf);
    }
    const [plain, waf] = asked.map(summary) as [Summary, Summary]; // of the two
    const differences = [waf.p50 - plain.p50, waf.p99 - plain.p99, waf.cpuMs - plain.cpuMs];
    rows.push([name, ...[plain.p50, plain.p99, waf.p50, waf.p99, ...differences].map(milliseconds)]);
    added.push(waf.p99 - plain.p99);
  }
  const difference = ["added p50", "added p99", "added CPU ms"];
  console.log(`${table(["8 KB, one at a time", "plain p50", "p99", "waf p50", "p99", ...difference], rows)}\n`);
  const reached = Math.max(...added);
  showAims([{ what: "p99 that CRS adds, 8 KB", reached, bound: ADDED_P99_MS, isUpper: true, unit: " ms" }]);
}

interface Summary {
  readonly p50: number;
  readonly p99: number;
  readonly cpuMs: number;
}

/** Of each run by itself, and of these the medians: one bad moment of the machine is not all of them. */
function summary(runs: readonly Asked[]): Summary {
  const each = (share: number): number => median(runs.map(({ times }) => quantile(times, share)));
  return { p50: each(0.5), p99: each(0.99), cpuMs: median(runs.map(({ cpuMs }) => cpuMs)) };
}

async function timed(server: Server, asking: OneByOne): Promise<Asked> {
  const before = server.cpuSeconds();
  const times = await oneByOne(asking);
  return { times, cpuMs: ((server.cpuSeconds() - before) * 1_000) / times.length };
}

async function dear({ server, url }: BenchGateway): Promise<void> {
  const rows: string[][] = [];
  let worst = 0;
  for (const { body, name, type } of DEAR_BODIES satisfies readonly WafBody[]) {
    console.error(`128 KB: ${name} …`);
    const asking = { url: `${url}/waf/x`, type, text: body(DEAR_BYTES), times: DEAR_TIMES };
    const { cpuMs, times } = await timed(server, asking);
    const max = Math.max(...times);
    worst = Math.max(worst, max);
    rows.push([name, ...[times[0]!, quantile(times, 0.5), max, cpuMs].map(milliseconds)]);
  }
  console.log(`${table(["128 KB, one at a time", "first", "p50", "max ms", "mean CPU ms"], rows)}\n`);
  showAims([{ what: "longest request, 128 KB", reached: worst, bound: SINGLE_MS, isUpper: true, unit: " ms" }]);
}

/** GET /metrics of a node that has more than a thousand series and nothing else to do. */
import { quantile } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { BenchNode } from "./bench-node.ts";
import type { Options } from "./options.ts";
import { newDataDir, PAYLOAD, PLUGINS, type Site } from "./site.ts";
import { milliseconds } from "./steps.ts";

const WARM_SCRAPES = 20;
const SCRAPES = 200;
const SERIES_MIN = 1_000;
/** A scraper comes now and then, not again at once. */
const PAUSE_MS = 5;

export async function measureScrape(site: Site, _options: Options): Promise<void> {
  const args = ["--services", PLUGINS];
  await using node = await BenchNode.start({ name: "node", site, dataDir: newDataDir(site, "scrape"), args });
  await node.untilCallable("wide");
  await node.untilCallable("echo");
  await node.call("echo", "echo", PAYLOAD);
  const { methods } = (await (await node.get("/rpc/wide")).json()) as { readonly methods: object }; // as the listing tells it
  for (const method of Object.keys(methods)) await node.call("wide", method, {});
  const times: number[] = [];
  let text = "";
  for (let scrape = 0; scrape < WARM_SCRAPES + SCRAPES; scrape++) {
    const fromMs = performance.now();
    text = await (await node.get("/metrics")).text();
    if (scrape >= WARM_SCRAPES) times.push(performance.now() - fromMs);
    await Bun.sleep(PAUSE_MS);
  }
  const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
  if (series < SERIES_MIN) throw new Error(`the node tells ${series} series; ${SERIES_MIN} are required`);
  const row = ["GET /metrics", String(series), ...[0.5, 0.99].map((share) => milliseconds(quantile(times, share)))];
  console.log(`${table(["scrape", "series", "p50 ms", "p99 ms"], [row])}\n`);
}

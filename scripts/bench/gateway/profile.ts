/** Where the time of a plain proxied request goes: one load, with the gateway's CPU profile behind it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hottestFunctions } from "../pipeline/cpu-profile.ts";
import { BenchGateway } from "./gateway.ts";
import { fullLoad } from "./load.ts";
import { nginxUpstream } from "./nginx.ts";
import type { Options } from "./options.ts";
import { milliseconds, rate } from "./show.ts";
import type { Site } from "./site.ts";

export async function profile(site: Site, { connections, "step-ms": ms }: Options): Promise<void> {
  const folder = join(site.directory, "profiles");
  mkdirSync(folder, { recursive: true });
  const upstream = await nginxUpstream(site);
  await using _upstream = upstream.server;
  const env = { BUN_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
  const lines = [`route|all|/*|http://127.0.0.1:${upstream.port}`];
  {
    await using ours = await BenchGateway.start(site, lines, { env });
    const { p50Ms, p99Ms, perSecond } = await fullLoad(site, { url: `${ours.url}/small`, connections, ms });
    console.log(`${rate(perSecond)} req/s, p50 ${milliseconds(p50Ms)} ms, p99 ${milliseconds(p99Ms)} ms\n`);
  }
  console.log(hottestFunctions(folder) || "no profile");
}

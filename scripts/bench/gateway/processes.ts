/**
 * One process and two on the same port, both on all processors with load and upstream beside them. With two processors, of which the load
 * takes one, twice as much cannot come out: what is compared is also the processor time of a request.
 */
import { availableParallelism } from "node:os";
import { freePorts } from "../../../test/support/free-port.ts";
import { BenchGateway } from "./gateway.ts";
import { nginxUpstream } from "./nginx.ts";
import type { Options } from "./options.ts";
import { inRounds } from "./rounds.ts";
import { showRates } from "./show.ts";
import type { Site } from "./site.ts";

export async function measureProcesses(site: Site, options: Options): Promise<void> {
  const upstream = await nginxUpstream(site);
  await using _upstream = upstream.server;
  const lines = [`route|all|/*|http://127.0.0.1:${upstream.port}`];
  await using one = await BenchGateway.start(site, lines, { place: "anywhere" });
  const [port] = (await freePorts(1)) as [number]; // that all of them share, so 0 is none
  await using two = await BenchGateway.start(site, lines, { place: "anywhere", port, args: ["--processes", "2"] });
  const outcomes = await inRounds(
    site,
    [
      { label: "one process", url: `${one.url}/small`, server: one.server },
      { label: "two processes", url: `${two.url}/small`, server: two.server },
    ],
    options,
  );
  showRates(`processes, ${availableParallelism()} processors for all`, outcomes, outcomes[0]!);
}

/** The same proxy with a limit by client address and a token of the cluster checked: what that takes from the plain one. */
import { BenchGateway } from "./gateway.ts";
import { nginxUpstream } from "./nginx.ts";
import type { Options } from "./options.ts";
import { inRounds } from "./rounds.ts";
import { showRates, showRatio } from "./show.ts";
import type { Site } from "./site.ts";

const OF_PLAIN = 0.7;

/** One gateway for both, so that both have the same compiled code; the limit is one that nobody reaches. */
export async function measureGuarded(site: Site, options: Options): Promise<void> {
  const upstream = await nginxUpstream(site);
  await using _upstream = upstream.server;
  const target = `http://127.0.0.1:${upstream.port}`;
  await using ours = await BenchGateway.start(site, [
    `route|plain|/plain/*|${target}`,
    `route|guarded|/guarded/*|${target}|auth=token`,
    "limit|client_ip|1000000000|1m|REJECT|routes=guarded",
  ]);
  const headers = { authorization: `Bearer ${await ours.token()}` };
  const outcomes = await inRounds(
    site,
    [
      { label: "plain", url: `${ours.url}/plain/small`, headers, server: ours.server },
      { label: "limit and token", url: `${ours.url}/guarded/small`, headers, server: ours.server },
    ],
    options,
  );
  const [plain, guarded] = outcomes;
  showRates("limit by client_ip, auth=token", outcomes, plain!);
  showRatio("with rate limit and token check ÷ plain", guarded!, plain!, OF_PLAIN);
}

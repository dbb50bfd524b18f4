/** A plain proxy of a small reply: ours beside nginx with one worker and the package http-proxy, all before the same upstream. */
import { join } from "node:path";
import { freePorts } from "../../../test/support/free-port.ts";
import { BenchGateway } from "./gateway.ts";
import { nginxProxy, nginxUpstream } from "./nginx.ts";
import type { Options } from "./options.ts";
import { inRounds, type Ready } from "./rounds.ts";
import { Server } from "./server.ts";
import { showRates, showRatio } from "./show.ts";
import type { Site } from "./site.ts";

const OF_NGINX = 0.5;
const OF_HTTP_PROXY = 2;

/** Whoever has Node.js runs npm packages on it; else Bun does. */
export const NODE = Bun.which("node") ?? process.execPath;
export const NODE_NAME = NODE === process.execPath ? "Bun" : "Node.js";

export async function measurePlain(site: Site, options: Options): Promise<void> {
  const upstream = await nginxUpstream(site);
  await using _upstream = upstream.server;
  const nginx = await nginxProxy(site, upstream.port);
  await using _nginx = nginx.server;
  const proxy = await httpProxy(site, upstream.port);
  await using _proxy = proxy.server;
  await using ours = await BenchGateway.start(site, [`route|all|/*|http://127.0.0.1:${upstream.port}`]);
  const everybody: readonly Ready[] = [
    { label: "nginx", url: `http://127.0.0.1:${nginx.port}/small`, server: nginx.server },
    { label: `http-proxy on ${NODE_NAME}`, url: `http://127.0.0.1:${proxy.port}/small`, server: proxy.server },
    { label: "ours", url: `${ours.url}/small`, server: ours.server },
  ];
  const outcomes = await inRounds(site, everybody, options);
  const [ofNginx, ofProxy, own] = outcomes;
  showRates(`plain proxy, ${options.connections} connections`, outcomes, ofNginx!);
  showRatio("plain proxy ÷ nginx, one worker", own!, ofNginx!, OF_NGINX);
  showRatio("plain proxy ÷ http-proxy", own!, ofProxy!, OF_HTTP_PROXY);
}

async function httpProxy(site: Site, upstreamPort: number) {
  const [port] = (await freePorts(1)) as [number];
  const argv = [NODE, join(import.meta.dir, "peers", "http-proxy.mjs"), String(port), String(upstreamPort)];
  const server = new Server(site, { name: "http-proxy", place: "measured", argv });
  await server.listens(port);
  return { server, port };
}

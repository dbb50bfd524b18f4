/** nginx as the upstream of everybody, and as a peer: one worker each, no access log, connections kept. */
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../test/support/free-port.ts";
import { Server } from "./server.ts";
import { newName, type Place, type Site, SMALL_REPLY } from "./site.ts";

export const HAS_NGINX = Bun.which("nginx") !== null;

const KEPT = "keepalive_requests 1000000000; keepalive_timeout 600s;";

/** So long that no socket takes it as a whole. */
const LARGE_BYTES = 64 * 1_024 * 1_024;

/** Answers everything with the same small text, `/large` with 64 MiB of zeros. A body that it gets is read and dropped. */
export function nginxUpstream(site: Site): Promise<{ readonly server: Server; readonly port: number }> {
  const large = join(site.directory, "large");
  writeFileSync(large, "");
  truncateSync(large, LARGE_BYTES);
  const small = `location / { default_type text/plain; return 200 ${JSON.stringify(SMALL_REPLY)}; }`;
  const places = `location = /large { root ${site.directory}; } ${small}`;
  return start(site, "upstream", "load", (port) => `server { listen 127.0.0.1:${port}; ${places} }`);
}

export function nginxProxy(site: Site, upstreamPort: number) {
  const pool = `upstream behind { server 127.0.0.1:${upstreamPort}; keepalive 512; keepalive_requests 1000000000; }`;
  const pass = 'proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection "";';
  return start(
    site,
    "nginx",
    "measured",
    (port) => `${pool} server { listen 127.0.0.1:${port}; location / { ${pass} } }`,
  );
}

async function start(site: Site, name: string, place: Place, servers: (port: number) => string) {
  const [port] = (await freePorts(1)) as [number];
  const folder = join(site.directory, newName(`${name}-conf`));
  mkdirSync(folder, { recursive: true });
  const conf = join(folder, "nginx.conf");
  writeFileSync(conf, confOf(folder, servers(port)));
  const server = new Server(site, {
    name,
    place,
    argv: ["nginx", "-p", folder, "-e", join(folder, "errors"), "-c", conf],
  });
  await server.listens(port);
  return { server, port };
}

/** One process that is master and worker at once: what it spends is seen at its id. */
function confOf(folder: string, servers: string): string {
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (each) => `${each}_temp_path ${join(folder, each)};`,
  );
  return `
daemon off; master_process off; worker_processes 1;
pid ${join(folder, "pid")};
events { worker_connections 8192; }
http {
  access_log off; client_max_body_size 1g; sendfile on; send_timeout 600s;
  ${places.join(" ")}
  ${KEPT}
  ${servers}
}
`;
}

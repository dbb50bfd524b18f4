/**
 * NATS JetStream with file storage. Debian's 2.9 writes a message before it acknowledges it, and syncs files every two minutes: it cannot be told
 * to sync at each write (`sync_interval: always` came with 2.10), so a power cut loses what a kill -9 does not.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../../test/support/free-port.ts";
import { until } from "../../../../test/support/until.ts";
import { type Absent, resultOf } from "../contestant.ts";
import { canConnect, startServer } from "../server.ts";
import type { Site } from "../site.ts";
import { makeNodeProgram } from "./node-program.ts";
import type { QueueContestant, QueueResult } from "./work.ts";

const VERSION = "3.4.0";
/** From this one on it can be told to sync at each write. */
const SYNCS_FROM = [2, 10] as const;

export async function nats(site: Site): Promise<readonly (QueueContestant | Absent)[]> {
  const name = "nats";
  if (Bun.which("nats-server") === null)
    return [{ name, why: "nats-server is not installed (Debian's package nats-server)" }];
  const place = join(site.directory, "nats");
  const packages = [`@nats-io/transport-node@${VERSION}`, `@nats-io/jetstream@${VERSION}`];
  const made = await makeNodeProgram(place, packages, "nats-load.ts");
  if ("why" in made) return [{ name, why: made.why }];
  const version = Bun.spawnSync(["nats-server", "--version"]).stdout.toString().trim().split(" v")[1]!;
  const syncs = canSync(version);
  return [
    {
      name,
      label: `NATS JetStream ${version}, one server, file storage, ${syncs ? "sync_interval always" : "no fsync"}`,
      async run(work) {
        const [port] = (await freePorts(1)) as [number];
        const directory = join(place, "server");
        const config = join(place, "server.conf");
        mkdirSync(place, { recursive: true });
        writeFileSync(config, configuration(port, directory, syncs));
        await using _server = startServer(["nats-server", "--config", config], directory);
        await until("nats-server answers", () => canConnect(port));
        return await resultOf<QueueResult>(["node", made.program, String(port), "1", JSON.stringify(work)]);
      },
    },
  ];
}

function canSync(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > SYNCS_FROM[0] || (major === SYNCS_FROM[0] && minor >= SYNCS_FROM[1]);
}

function configuration(port: number, directory: string, syncs: boolean): string {
  const always = syncs ? "\n  sync_interval: always" : "";
  return `listen: 127.0.0.1:${port}\njetstream {\n  store_dir: "${directory}/store"${always}\n}\n`;
}

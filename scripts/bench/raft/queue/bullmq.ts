/** BullMQ on a Redis of the benchmark's own that syncs its append-only file before each answer. */
import { join } from "node:path";
import { freePorts } from "../../../../test/support/free-port.ts";
import { until } from "../../../../test/support/until.ts";
import { type Absent, resultOf } from "../contestant.ts";
import { canConnect, startServer } from "../server.ts";
import type { Site } from "../site.ts";
import { makeNodeProgram } from "./node-program.ts";
import type { QueueContestant, QueueResult } from "./work.ts";

const VERSION = "6.7.0";
const CLIENT_VERSION = "6.0.0";

export async function bullmq(site: Site): Promise<readonly (QueueContestant | Absent)[]> {
  const name = "bullmq";
  if (Bun.which("redis-server") === null)
    return [{ name, why: "redis-server is not installed (Debian's package redis-server)" }];
  const place = join(site.directory, "bullmq");
  const packages = [`bullmq@${VERSION}`, `ioredis@${CLIENT_VERSION}`];
  const made = await makeNodeProgram(place, packages, "bullmq-load.ts");
  if ("why" in made) return [{ name, why: made.why }];
  const label = `BullMQ ${VERSION}, one Redis, appendfsync always`;
  return [
    {
      name,
      label,
      async run(work) {
        const [port] = (await freePorts(1)) as [number];
        await using _redis = startServer(["redis-server", ...settings(port)], join(place, "redis"));
        await until("redis answers", () => canConnect(port));
        return await resultOf<QueueResult>(["node", made.program, String(port), JSON.stringify(work)]);
      },
    },
  ];
}

function settings(port: number): readonly string[] {
  const set = {
    port,
    bind: "127.0.0.1",
    save: "",
    appendonly: "yes",
    appendfsync: "always",
    "maxmemory-policy": "noeviction",
  };
  return Object.entries(set).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

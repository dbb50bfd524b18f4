/**
 * BullMQ flows on a Redis of the benchmark's own: installed by npm into the benchmark's directory at pinned versions. Its worker runs
 * the tasks in its own process, as many at once as ours, with the append-only file synced every second or at every write.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../../test/support/free-port.ts";
import { until } from "../../../../test/support/until.ts";
import type { Absent, Contestant } from "../contestant.ts";
import { benchTasks } from "../graphs.ts";

const VERSION = "6.7.0";
const CLIENT_VERSION = "6.0.0";
const SYNCS = ["everysec", "always"] as const;

export async function bullmq(directory: string): Promise<readonly (Contestant | Absent)[]> {
  const name = "bullmq";
  if (Bun.which("npm") === null || Bun.which("node") === null) return [{ name, why: "npm and node are not installed" }];
  if (Bun.which("redis-server") === null)
    return [{ name, why: "redis-server is not installed (Debian's package redis-server)" }];
  const place = join(directory, "bullmq");
  mkdirSync(place, { recursive: true });
  const packages = [`bullmq@${VERSION}`, `ioredis@${CLIENT_VERSION}`];
  const words = ["npm", "install", ...packages, "--prefix", place, "--no-audit", "--no-fund", "--ignore-scripts"];
  const install = Bun.spawn([...words, "--loglevel", "error"], { cwd: place, stdout: "ignore", stderr: "pipe" });
  const said = await new Response(install.stderr).text();
  if ((await install.exited) !== 0) return [{ name, why: `npm could not install it: ${said.trim().slice(0, 300)}` }];
  await Bun.write(join(place, "program.mjs"), Bun.file(join(import.meta.dir, "bullmq-program.mjs.txt")));
  return SYNCS.map((sync) => contestant(place, sync));
}

function contestant(place: string, sync: (typeof SYNCS)[number]): Contestant {
  let runs = 0;
  return {
    name: `bullmq-${sync}`,
    label: `BullMQ ${VERSION} flows, chains, tasks in its own process, appendfsync ${sync}`,
    shape: "chains",
    async run(count) {
      const directory = join(place, `redis-${sync}-${++runs}`);
      mkdirSync(directory, { recursive: true });
      const [port] = (await freePorts(1)) as [number];
      const redis = Bun.spawn(["redis-server", ...settings(port, directory, sync)], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      try {
        await until("redis answers", () => canConnect(port));
        return await ask(place, port, count);
      } finally {
        redis.kill("SIGTERM");
        await redis.exited;
      }
    },
  };
}

function settings(port: number, directory: string, sync: string): readonly string[] {
  const set = {
    port,
    bind: "127.0.0.1",
    dir: directory,
    save: "",
    appendonly: "yes",
    appendfsync: sync,
    "maxmemory-policy": "noeviction",
  };
  return Object.entries(set).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

async function canConnect(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

async function ask(place: string, port: number, count: number): Promise<number> {
  await Bun.write(join(place, "graph.json"), JSON.stringify(benchTasks("chains", count)));
  const words = ["node", join(place, "program.mjs"), String(port), join(place, "graph.json")];
  const child = Bun.spawn(words, { cwd: place, stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`bullmq ended with code ${child.exitCode}`);
  const { done, ms } = JSON.parse(line) as { done: number; ms: number };
  if (done !== count) throw new Error(`bullmq: ${done} tasks done instead of ${count}`);
  return ms;
}

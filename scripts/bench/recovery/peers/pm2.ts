/**
 * PM2, installed by npm into the bench's directory at a pinned version, with a home of its own there. Settings in its favour:
 * no interpreter container around the child, no pause before a restart, no limit on restarts, no log files.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Absent, childArgv, type Family, type Peer, type Supervising } from "./peer.ts";

const VERSION = "7.0.4";
/** More than the bench ever kills. */
const RESTARTS_MAX = 1_000_000;

export async function pm2(directory: string): Promise<Peer | Absent> {
  const name = "pm2";
  if (Bun.which("npm") === null || Bun.which("node") === null) return { name, why: "npm and node are not installed" };
  const place = join(directory, "pm2");
  mkdirSync(place, { recursive: true });
  const words = ["npm", "install", `pm2@${VERSION}`, "--prefix", place, "--no-audit", "--no-fund", "--ignore-scripts"];
  const install = Bun.spawn([...words, "--loglevel", "error"], { cwd: place, stdout: "ignore", stderr: "pipe" });
  const said = await new Response(install.stderr).text();
  if ((await install.exited) !== 0) return { name, why: `npm could not install it: ${said.trim().slice(0, 300)}` };
  const script = join(place, "node_modules", "pm2", "bin", "pm2");
  const node = Bun.spawnSync(["node", "--version"]).stdout.toString().trim();
  return { name, label: `PM2 ${VERSION}, Node ${node.slice(1)}`, start: (family) => start(script, family) };
}

async function start(script: string, family: Family): Promise<Supervising> {
  const home = join(family.directory, "pm2-home");
  mkdirSync(home);
  const run = async (...words: string[]): Promise<void> => {
    const env = { ...process.env, PM2_HOME: home, PM2_DISABLE_VERSION_CHECK: "true" };
    const command = Bun.spawn(["node", script, "--silent", ...words], { env, stdio: ["ignore", "ignore", "pipe"] });
    const said = await new Response(command.stderr).text();
    const code = await command.exited;
    if (code !== 0) throw new Error(`pm2 ${words[0]} exited with ${code}: ${said}`);
  };
  const file = join(home, "family.json");
  writeFileSync(file, JSON.stringify({ apps: family.names.map((name) => appOf(family, name)) }));
  await run("start", file);
  return { pid: Number(readFileSync(join(home, "pm2.pid"), "utf8")), stop: () => run("kill") };
}

function appOf(family: Family, name: string): object {
  const [program, ...args] = childArgv(family, name);
  const nowhere = { out_file: "/dev/null", error_file: "/dev/null" };
  const atOnce = { autorestart: true, restart_delay: 0, min_uptime: 0, max_restarts: RESTARTS_MAX };
  const bare = { interpreter: "none", exec_mode: "fork", pmx: false, vizion: false };
  return { name, script: program, args, ...nowhere, ...atOnce, ...bare };
}

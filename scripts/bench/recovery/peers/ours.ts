/** This project's supervisor, in a Bun process of its own. */
import { join } from "node:path";
import { childArgv, type Peer } from "./peer.ts";

const PROGRAM = join(import.meta.dir, "ours-supervisor.ts");

export const ours: Peer = {
  name: "ours",
  label: `ours, Bun ${Bun.version}`,
  async start(family) {
    const commands = Object.fromEntries(family.names.map((name) => [name, childArgv(family, name)]));
    const supervisor = Bun.spawn([process.execPath, PROGRAM, JSON.stringify(commands)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return {
      pid: supervisor.pid,
      async stop() {
        supervisor.kill("SIGTERM");
        await supervisor.exited;
      },
    };
  },
};

/** A server of somebody else's, started for one run: what it says goes to a file, and it goes with its directory. */
import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";

/** After a SIGTERM; then it is killed. */
const END_WITHIN_MS = 5_000;

export interface Server extends AsyncDisposable {
  readonly pid: number;
}

export function startServer(argv: readonly string[], directory: string): Server {
  mkdirSync(directory, { recursive: true });
  const log = openSync(join(directory, "server.log"), "a");
  const child = Bun.spawn([...argv], { stdio: ["ignore", log, log], cwd: directory });
  closeSync(log);
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const timer = systemClock.after(END_WITHIN_MS, () => child.kill("SIGKILL"));
      await child.exited;
      timer.cancel();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function canConnect(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

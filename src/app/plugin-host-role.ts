/** The role of a child: serve one plugin to the daemon that started this process. */
import { systemClock } from "../base/clock.ts";
import { runPluginHost } from "../process/plugin/index.ts";

export async function servePlugin(): Promise<void> {
  // A terminal's Ctrl-C and a service manager's stop reach the whole group; the daemon decides when a host ends.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  await runPluginHost(process.pid, systemClock, (code) => process.exit(code));
}

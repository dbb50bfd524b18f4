/** The role of a child: run one service for the node that started this process. */
import { systemClock } from "../base/clock.ts";
import { runServiceHost } from "../process/service/index.ts";

export async function serveService(): Promise<void> {
  // A terminal's Ctrl-C and a service manager's stop reach the whole group; the node decides when a host ends.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  await runServiceHost(process.pid, systemClock, (code) => process.exit(code));
}

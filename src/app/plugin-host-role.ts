/** The role of a child: serve one plugin to the daemon that started this process. */
import { runPluginHost } from "../process/plugin/index.ts";

export async function servePlugin(): Promise<void> {
  await runPluginHost(process.pid, (code) => process.exit(code));
}

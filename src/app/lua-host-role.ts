/** The role of a child: decide by rules, Lua files and route plugins, for the gateway that started this process. */
import { systemClock } from "../base/clock.ts";
import { runRuleHost } from "../edge/gateway/rule/index.ts";

export async function serveRules(): Promise<void> {
  // A terminal's Ctrl-C and a service manager's stop reach the whole group; the gateway decides when a host ends.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  await runRuleHost(process.pid, systemClock, (code) => process.exit(code));
}

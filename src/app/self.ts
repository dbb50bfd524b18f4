/** How this program starts itself again, compiled or from source, and where it keeps its state. */
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import type { HostCommand } from "../process/plugin/index.ts";

/** The word on the command line that turns this program into a plugin host. Not for people. */
export const PLUGIN_HOST_ROLE = "plugin-host";

/** The same for a service host. */
export const SERVICE_HOST_ROLE = "service-host";

/** The same for a host of the gateway's rules. */
export const RULE_HOST_ROLE = "rule-host";

/** The same for a process that shares the gateway's port. */
export const GATEWAY_HOST_ROLE = "gateway-host";

export function hostCommand(): HostCommand {
  return { argv: [...selfArgv(), PLUGIN_HOST_ROLE], env: process.env };
}

export function serviceHostCommand(): HostCommand {
  return { argv: [...selfArgv(), SERVICE_HOST_ROLE], env: process.env };
}

export function ruleHostCommand(): HostCommand {
  return { argv: [...selfArgv(), RULE_HOST_ROLE], env: process.env };
}

export function gatewayHostCommand(): HostCommand {
  return { argv: [...selfArgv(), GATEWAY_HOST_ROLE], env: process.env };
}

/** A compiled program is its own file; from source, also as a library in somebody's program, it is bun with our main module. */
export function selfArgv(): readonly string[] {
  return isCompiled() ? [process.execPath] : [process.execPath, join(import.meta.dir, "..", "main.ts")];
}

/** A compiled program's main module lies in a file system of its own. */
function isCompiled(): boolean {
  return Bun.main.startsWith("/$bunfs/") || Bun.main.startsWith("B:\\~BUN\\");
}

/** `dataDir` as asked for, else below the user's state directory (XDG Base Directory Specification). */
export function stateDirectory(dataDir: string | undefined): string {
  if (dataDir) return resolve(dataDir);
  const base = process.env.XDG_STATE_HOME || join(homedir(), ".local", "state");
  return join(base, "distributed_system");
}

/** One pipeline file, one folder of state: files of one name in two places do not meet. */
export function pipelineDirectory(dataDir: string | undefined, pipelinePath: string): string {
  const absolute = resolve(pipelinePath);
  const digest = createHash("sha256").update(absolute).digest("hex").slice(0, 10);
  const name = basename(absolute)
    .replace(/\.[^.]*$/, "")
    .replace(/[^A-Za-z0-9._-]/g, "_")
    .slice(0, 60);
  return join(stateDirectory(dataDir), "pipelines", `${name}-${digest}`);
}

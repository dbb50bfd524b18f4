/** Where the gateway file wants logs: in folders that are there. A mistyped path would else be made, and its log never found. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../../base/errors.ts";
import type { GatewayPlan } from "../../edge/gateway/words/index.ts";

export type LogOption = "access_log" | "audit_log";

/** What stands for standard output. */
export const STANDARD_OUTPUT = "-";

/** Fails with `gateway.config.log_folder`. */
export function requireLogFolder(option: LogOption, path: string): void {
  const folder = dirname(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  const message = `${option} is ${JSON.stringify(path)}: there is no folder ${folder}; one that exists is required`;
  throw new Failure("gateway.config.log_folder", message);
}

/** Of a whole file, for `check`. Fails as `requireLogFolder`. */
export function checkLogFolders({ settings: { accessLog }, wafs }: GatewayPlan): void {
  if (accessLog !== undefined && accessLog !== STANDARD_OUTPUT) requireLogFolder("access_log", accessLog);
  for (const { auditLog } of wafs) if (auditLog !== undefined) requireLogFolder("audit_log", auditLog);
}

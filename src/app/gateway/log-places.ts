/** Where the gateway file wants logs: in folders that are there. A mistyped path would else be made, and its log never found. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../../base/errors.ts";
import { requireLogFile } from "../node/log-file.ts";

export type LogOption = "access_log" | "audit_log";

/** Fails with `gateway.config.log_folder`, and with `usage.log_file` where something stands that is no regular file. */
export function requireLogPlace(option: LogOption, path: string): void {
  const folder = dirname(path);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    const message = `${option} is ${JSON.stringify(path)}: there is no folder ${folder}; one that exists is required`;
    throw new Failure("gateway.config.log_folder", message);
  }
  requireLogFile(path, option);
}

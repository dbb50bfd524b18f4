/** What happens to services, and what they say, in the log of their node. */
import type { Logger } from "../../base/log.ts";
import { printable } from "../../base/printable.ts";
import type { ServiceLogLine } from "../../process/service/index.ts";
import type { RescanReport, ServiceNotice } from "../../work/service/local/index.ts";

export function logNotice(logger: Logger, notice: ServiceNotice): void {
  const { kind, service, ...fields } = notice;
  const log = logger.child({ service });
  if (kind === "serves") log.info("the service takes calls", fields);
  else if (kind === "swapped") log.info("the service has been swapped", fields);
  else if (kind === "stopped") log.info("the service has ended", fields);
  else if (kind === "failed") log.error("the service has failed", fields);
  else if (kind === "unhealthy") log.warn("a process of the service is unhealthy, and is given no calls", fields);
  else log.warn("a process of the service has ended", fields);
}

export function logLine(logger: Logger, service: string, { level, message, traceId }: ServiceLogLine): void {
  const fields = { service, ...(traceId !== undefined && { trace_id: traceId }) };
  logger[level](printable(message), fields);
}

export function logOutput(logger: Logger, service: string, stream: "stdout" | "stderr", line: string): void {
  logger.info(printable(line), { service, stream });
}

export function logFaults(logger: Logger, { faults }: RescanReport): void {
  for (const { file, message } of faults) logger.error("a service cannot run", { file, reason: message });
}

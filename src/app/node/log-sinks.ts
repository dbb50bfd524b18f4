/** Where a node's log goes: standard error, as lines for people or as JSON. */
import { systemClock } from "../../base/clock.ts";
import { createLogger, jsonLine, type Logger, type LogLevel, textLine } from "../../base/log.ts";

export type LogFormat = "text" | "json";

export interface StderrLogOptions {
  readonly name: string;
  readonly level: LogLevel;
  readonly format: LogFormat;
}

export function stderrLogger({ name, level, format }: StderrLogOptions): Logger {
  const line = format === "json" ? jsonLine : textLine;
  return createLogger({ name, level, clock: systemClock, sink: (record) => process.stderr.write(line(record)) });
}

/**
 * Where a node's log goes: standard error, as lines for people or as JSON, and a file where one is named. What repeats a hundred
 * times a second is said a few times and counted.
 */
import { systemClock } from "../../base/clock.ts";
import { createLogger, type Logger, type LogLevel, type LogSink } from "../../base/log.ts";
import { jsonLine, textLine } from "../../base/log-lines.ts";
import { limitRepeats } from "../../base/log-repeats.ts";
import { openLogFile } from "./log-file.ts";
import { openLogStream, standardStreamOf } from "./log-stream.ts";

export type LogFormat = "text" | "json";

export interface StderrLogOptions {
  readonly name: string;
  readonly level: LogLevel;
  /** Text on a terminal, JSON elsewhere, unless told otherwise. */
  readonly format?: LogFormat | undefined;
  /** Beside standard error. */
  readonly file?: string | undefined;
}

/** Fails with `usage.log_file`. */
export function stderrLogger({ file, format, level, name }: StderrLogOptions): Logger {
  const shown = format ?? (process.stderr.isTTY ? "text" : "json");
  const sinks = [sinkTo(shown, (line) => process.stderr.write(line))];
  if (file !== undefined) {
    const warn = (text: string): void => void process.stderr.write(`${text}\n`);
    sinks.push(sinkTo(format ?? "json", openLog(file, warn)));
  }
  const all: LogSink = (record) => {
    for (const sink of sinks) sink(record);
  };
  const { flush, sink } = limitRepeats({ clock: systemClock, sink: all });
  process.once("exit", flush); // what was counted is not lost with the process
  return createLogger({ name, level, clock: systemClock, sink });
}

function openLog(place: string, warn: (text: string) => void): (text: string) => void {
  const standard = standardStreamOf(place);
  return standard ? openLogStream(standard, "log", warn) : openLogFile(place, { warn });
}

function sinkTo(format: LogFormat, write: (line: string) => unknown): LogSink {
  const line = format === "json" ? jsonLine : textLine;
  return (record) => void write(line(record));
}

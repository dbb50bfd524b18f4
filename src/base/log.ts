/**
 * A structured logger: a message, its fields, a level, and a context that child loggers add to. It writes nothing by itself:
 * records go to a sink. What is logged can be anything, so messages and fields are made fit here, once: bounded, plain data, and
 * without secrets. The fields `component` and `traceparent` say where and for whom; lines have a place for them.
 */
import type { Clock } from "./clock.ts";
import { isSecretName, REDACTED, redact } from "./redact.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

export interface LogRecord {
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly name: string;
  readonly message: string;
  /** The contexts of the logger and its parents, then the fields of this call; later ones win. */
  readonly fields: LogFields;
}

/** Must not throw: a log that fails may not take the program with it. */
export type LogSink = (record: LogRecord) => void;

export interface Logger {
  trace(message: string, fields?: LogFields | Error): void;
  debug(message: string, fields?: LogFields | Error): void;
  info(message: string, fields?: LogFields | Error): void;
  warn(message: string, fields?: LogFields | Error): void;
  error(message: string, fields?: LogFields | Error): void;
  /** A logger that adds `context` to all it says. It shares the level. */
  child(context: LogFields): Logger;
  /** For it, its parents and its children. */
  setLevel(level: LogLevel): void;
  isEnabled(level: LogLevel): boolean;
}

export interface LoggerOptions {
  readonly name: string;
  readonly level: LogLevel;
  readonly sink: LogSink;
  readonly clock: Clock;
  readonly context?: LogFields;
}

/** A longer text is cut: a log line is for reading, and nobody reads more. */
const TEXT_CHARS_MAX = 8_192;
/** Beyond it a text is neither shown nor looked at. */
const LOOKED_AT_CHARS_MAX = 8 * TEXT_CHARS_MAX;
/** Deeper values are named, not shown. */
const DEPTH_MAX = 6;
/** Entries of one list or object that are shown. */
const ENTRIES_MAX = 100;

export function createLogger({ name, level, sink, clock, context = {} }: LoggerOptions): Logger {
  return loggerWith({ name, sink, clock, level: { rank: rankOf(level) } }, context);
}

interface Shared extends Pick<LoggerOptions, "name" | "sink" | "clock"> {
  readonly level: { rank: number };
}

function loggerWith(shared: Shared, context: LogFields): Logger {
  const say =
    (level: LogLevel) =>
    (message: string, fields: LogFields | Error = {}): void => {
      if (rankOf(level) < shared.level.rank) return;
      const own = fields instanceof Error ? { error: fields } : fields;
      shared.sink({
        timeMs: shared.clock.now(),
        level,
        name: shared.name,
        message: cut(message),
        fields: plain({ ...context, ...own }) as LogFields, // an object stays one
      });
    };
  return {
    trace: say("trace"),
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
    child: (more) => loggerWith(shared, { ...context, ...more }),
    setLevel(level) {
      shared.level.rank = rankOf(level);
    },
    isEnabled: (level) => level !== "silent" && rankOf(level) >= shared.level.rank,
  };
}

function rankOf(level: LogLevel): number {
  return LOG_LEVELS.indexOf(level);
}

/** Without secrets, and short. Looked through further than it is shown: a secret that is cut off has lost its shape. */
function cut(text: string): string {
  const clean = redact(text.length <= LOOKED_AT_CHARS_MAX ? text : text.slice(0, LOOKED_AT_CHARS_MAX));
  if (clean.length <= TEXT_CHARS_MAX && text.length <= LOOKED_AT_CHARS_MAX) return clean;
  return `${clean.slice(0, TEXT_CHARS_MAX)}… (${text.length} characters)`;
}

/** What JSON can say of a value, whatever it is: circles, getters that throw and bigints included. */
function plain(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return cut(value);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return `[function ${value.name}]`;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= DEPTH_MAX) return Array.isArray(value) ? "[list]" : "[object]";
  if (value instanceof Error) return errorFields(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[no date]" : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return shortened(value).map((each) => plain(each, depth + 1));
  if (value instanceof URL) return cut(value.href);
  if (value instanceof Map) return plain([...value].map(withoutSecret), depth);
  if (value instanceof Set) return plain([...value], depth);
  return Object.fromEntries(shortened(Object.keys(value)).map((key) => [cut(key), read(value, key, depth)]));
}

function withoutSecret([key, value]: readonly [unknown, unknown]): readonly [unknown, unknown] {
  return [key, typeof key === "string" && isSecretName(key) ? hidden(value) : value];
}

/** That there is none, or a switch, is no secret. */
function hidden(value: unknown): unknown {
  return value === undefined || value === null || typeof value === "boolean" ? value : REDACTED;
}

function shortened<T>(list: readonly T[]): readonly T[] {
  return list.length <= ENTRIES_MAX ? list : list.slice(0, ENTRIES_MAX);
}

function read(value: object, key: string, depth: number): unknown {
  try {
    if (isSecretName(key)) return hidden((value as Record<string, unknown>)[key]); // its own key
    return plain((value as Record<string, unknown>)[key], depth + 1); // its own key
  } catch (thrown) {
    return cut(`[${String(thrown)}]`);
  }
}

function errorFields(error: Error, depth: number): LogFields {
  const { code, data } = error as { readonly code?: unknown; readonly data?: unknown }; // of a Failure or of the system
  return {
    message: cut(error.message),
    ...(code !== undefined && { code: plain(code, depth + 1) }),
    ...(data !== undefined && { data: plain(data, depth + 1) }),
    ...(error.stack !== undefined && { stack: cut(error.stack) }),
    ...(error.cause !== undefined && { cause: plain(error.cause, depth + 1) }),
  };
}

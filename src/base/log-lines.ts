/**
 * Log records as lines: JSON for programs, text for people. One record is one line, and nothing in it can move a cursor, turn text
 * around or end the line: text shows such characters as pictures, JSON writes them as escapes, so that a program reads them as they were.
 */
import type { LogRecord } from "./log.ts";
import { printable } from "./printable.ts";
import { readTraceparent } from "./trace.ts";

/** DEL, C1, bidirectional marks, overrides and isolates, zero-width characters, line separators: JSON allows them as they are. */
const RAW_IN_JSON = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

const TRACE_ID = /^[0-9a-f]{32}$/;

/** One JSON document a line: `time` (RFC 3339), `level`, `node`, `component`, `trace_id`, `message`, the rest below `fields`. */
export function jsonLine(record: LogRecord): string {
  const { component, fields, level, message, node, timeMs, traceId } = partsOf(record);
  const document = {
    time: new Date(timeMs).toISOString(),
    level,
    node,
    ...(component !== undefined && { component }),
    ...(traceId !== undefined && { trace_id: traceId }),
    message,
    ...(Object.keys(fields).length > 0 && { fields }),
  };
  return `${JSON.stringify(document).replace(RAW_IN_JSON, escaped)}\n`;
}

/** One line for people: `12:30:01.250 WARN  node/component: message key=value`. */
export function textLine(record: LogRecord): string {
  const { component, fields, level, message, node, timeMs, traceId } = partsOf(record);
  const time = new Date(timeMs).toISOString().slice(11, 23);
  const who = component === undefined ? node : `${node}/${component}`;
  const traced = traceId === undefined ? fields : { ...fields, trace: traceId };
  const pairs = Object.entries(traced).map(([key, value]) => ` ${key}=${asText(value)}`);
  return `${printable(`${time} ${level.toUpperCase().padEnd(5)} ${who}: ${message}${pairs.join("")}`)}\n`;
}

/** What has a place of its own, and the other fields. A `traceparent` says which trace it belongs to. */
function partsOf({ fields, level, message, name, timeMs }: LogRecord) {
  const { component, traceparent, trace_id: id, ...rest } = fields;
  const trace = typeof traceparent === "string" ? readTraceparent(traceparent) : undefined;
  const traceId = trace?.traceId ?? (typeof id === "string" && TRACE_ID.test(id) ? id : undefined);
  return {
    ...{ timeMs, level, message, node: name, traceId },
    component: typeof component === "string" ? component : undefined,
    fields: {
      ...rest,
      ...(component !== undefined && typeof component !== "string" && { component }),
      ...(traceparent !== undefined && trace === undefined && { traceparent }),
      ...(id !== undefined && traceId !== id && { trace_id: id }),
    },
  };
}

function asText(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=]+$/.test(value)) return value;
  return JSON.stringify(value) ?? String(value);
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * Whether a line from a host is one of its messages. The process runs somebody else's code, which can write to the control
 * channel too: what passes here has the shape that the types promise, and every number is a count. Whether it is true, and
 * answers what was asked, is for those to judge who asked. On the way of every batch: a few comparisons each.
 */
import type { FromHost } from "./messages.ts";

type Fields = Readonly<Record<string, unknown>>;

const COUNTS = ["total", "malformed", "in", "out", "filtered", "rejected", "added"] as const;
const LEVELS: ReadonlySet<unknown> = new Set(["debug", "info", "warn", "error"]);

const SHAPES: Readonly<Record<FromHost["t"], (message: Fields) => boolean>> = {
  loaded: ({ checks, exclusive, health, info, params, selects, sequential, stateful }) =>
    isFields(info) &&
    isFields(params) &&
    [sequential, stateful, exclusive, health, checks, selects ?? false].every(isBoolean),
  checked: ({ faults }) => Array.isArray(faults) && faults.every(isFault),
  ready: () => true,
  warmed: ({ error }) => error === undefined || isError(error),
  restored: () => true,
  done: ({ counts, request, sizes }) => isCount(request) && isSizes(sizes) && isCounts(counts),
  state: ({ request, state }) => isCount(request) && (isCount(state) || typeof state === "string"),
  healthy: ({ error, request }) => isCount(request) && (error === undefined || isError(error)),
  selected: ({ error, id, request }) =>
    isCount(request) && (id === undefined || typeof id === "string") && (error === undefined || isError(error)),
  need: ({ bytes, request }) => isCount(request) && isCount(bytes),
  failed: ({ error, request }) => (request === undefined || isCount(request)) && isError(error),
  log: ({ level, message }) => LEVELS.has(level) && typeof message === "string",
};

/** The message, or nothing when it is none. */
export function parseAnswer(text: string): FromHost | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isFields(value) || typeof value.t !== "string" || !Object.hasOwn(SHAPES, value.t)) return undefined;
  const isOne = SHAPES[value.t as FromHost["t"]](value); // it is one of the keys
  return isOne ? (value as unknown as FromHost) : undefined; // its shape was looked at
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0; // an integer is a number
}

function isSizes(value: unknown): boolean {
  return Array.isArray(value) && value.length === 3 && value.every(isCount);
}

function isCounts(value: unknown): boolean {
  return isFields(value) && COUNTS.every((key) => isCount(value[key]));
}

function isError(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { code, data, message } = value;
  return typeof code === "string" && typeof message === "string" && (data === undefined || isFields(data));
}

function isFault(value: unknown): boolean {
  return isFields(value) && typeof value.param === "string" && typeof value.message === "string";
}

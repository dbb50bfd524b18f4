/**
 * Keeps a log readable when the same thing goes wrong a thousand times a second: of lines that differ in numbers and quoted words
 * only, the first few of a second are passed on, the others are counted, and one line says how many there were. Nothing is lost
 * silently, and what is remembered is bounded.
 */
import type { Clock, Timer } from "./clock.ts";
import type { LogRecord, LogSink } from "./log.ts";

/** Of one kind within a window: enough to see what varies. */
export const REPEATS_PASSED = 10;
export const REPEATS_WINDOW_MS = 1_000;
/** Kinds that are told apart at one time; the one that was seen first gives way. */
const KINDS_MAX = 256;
/** Two messages that begin alike for so long are of one kind. */
const KIND_CHARS_MAX = 200;

export interface RepeatLimiter {
  readonly sink: LogSink;
  /** Says at once what has been counted, and forgets it: before the process ends. */
  flush(): void;
}

export interface RepeatPorts {
  readonly sink: LogSink;
  readonly clock: Pick<Clock, "now" | "monotonic" | "after">;
}

interface Kind {
  readonly beganMs: number;
  passed: number;
  heldBack: number;
  /** The one held back last stands for all of them. */
  last: LogRecord | undefined;
}

export function limitRepeats({ clock, sink }: RepeatPorts): RepeatLimiter {
  const kinds = new Map<string, Kind>();
  let timer: Timer | undefined;
  const settle = (key: string, kind: Kind): void => {
    kinds.delete(key);
    if (kind.last) sink(summaryOf(kind.last, kind.heldBack, clock.now()));
  };
  const sweep = (isLast: boolean): void => {
    const nowMs = clock.monotonic();
    for (const [key, kind] of kinds) if (isLast || nowMs - kind.beganMs >= REPEATS_WINDOW_MS) settle(key, kind);
    timer?.cancel();
    timer = undefined;
    if ([...kinds.values()].some(({ heldBack }) => heldBack > 0)) arm();
  };
  const arm = (): void => {
    timer ??= clock.after(REPEATS_WINDOW_MS, () => sweep(false));
  };
  const take = (record: LogRecord): void => {
    const key = kindOf(record);
    let kind = kinds.get(key);
    if (kind && clock.monotonic() - kind.beganMs >= REPEATS_WINDOW_MS) {
      settle(key, kind);
      kind = undefined;
    }
    if (!kind) {
      const [oldest] = kinds;
      if (oldest && kinds.size >= KINDS_MAX) settle(...oldest);
      kind = { beganMs: clock.monotonic(), passed: 0, heldBack: 0, last: undefined };
      kinds.set(key, kind);
    }
    if (kind.passed < REPEATS_PASSED) {
      kind.passed++;
      return sink(record);
    }
    kind.heldBack++;
    kind.last = record;
    arm();
  };
  return { sink: take, flush: () => sweep(true) };
}

/** What a message says, whatever numbers and names it says it of. */
function kindOf({ fields, level, message, name }: LogRecord): string {
  const shape = message
    .slice(0, KIND_CHARS_MAX)
    .replace(/"[^"]*"/g, '""')
    .replace(/\d+/g, "0");
  return `${level} ${name} ${String(fields.component ?? "")} ${shape}`;
}

function summaryOf(last: LogRecord, times: number, timeMs: number): LogRecord {
  return { ...last, timeMs, message: `${last.message} (repeated ${times} times)` };
}

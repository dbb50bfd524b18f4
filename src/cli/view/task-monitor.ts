/** What people see while a task graph runs: on a terminal one line repainted in place, in a log a plain line every few seconds. */
import type { TaskProgress, TaskRunHandle } from "../../app/task/run-graph.ts";
import { systemClock, type Timer } from "../../base/clock.ts";
import { printable } from "../../base/printable.ts";
import { formatCount } from "../../base/units.ts";

export interface TaskMonitor {
  note(text: string): void;
  line(from: string, stream: string, line: string): void;
  watch(handle: WatchedRun): void;
  close(): void;
}

/** A run in this process, or one that is asked about. */
export interface WatchedRun extends Pick<TaskRunHandle, "id" | "name" | "resumed"> {
  progress(): Omit<TaskProgress, "latency">;
}

const TERMINAL_INTERVAL_MS = 120;
const LOG_INTERVAL_MS = 5_000;

export function openTaskMonitor({
  quiet,
  verbose,
}: {
  readonly quiet: boolean;
  readonly verbose: boolean;
}): TaskMonitor {
  const live = process.stderr.isTTY === true && !quiet;
  let timer: Timer | undefined;
  const erase = (): void => void (live && process.stderr.write("\r\x1b[K"));
  const say = (text: string): void => {
    if (quiet) return;
    erase();
    process.stderr.write(`${text}\n`);
  };
  const tick = (handle: WatchedRun): void => {
    const text = progressText(handle);
    if (live) process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns || 120) - 1)}`);
    else say(text);
    arm(handle);
  };
  const arm = (handle: WatchedRun): void => {
    timer = systemClock.after(live ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS, () => tick(handle));
  };
  return {
    note: say,
    line: (from, stream, line) => {
      if (stream !== "debug" || verbose) say(`[${printable(from)}] ${printable(line)}`);
    },
    watch: (handle) => {
      say(`${handle.name}: run ${handle.id}${handle.resumed ? ", going on where it was" : ""}`);
      if (!quiet) arm(handle);
    },
    close: () => {
      timer?.cancel();
      if (!quiet) erase();
    },
  };
}

function progressText({ name, progress }: WatchedRun): string {
  const { counts, elapsedMs, retries, total } = progress();
  const ended = counts.done + counts.failed + counts.skipped;
  const rate = elapsedMs > 0 ? ended / (elapsedMs / 1000) : 0;
  const troubles = counts.failed > 0 ? `, ${formatCount(counts.failed)} failed` : "";
  const again = retries > 0 ? `, ${formatCount(retries)} retries` : "";
  return `${printable(name)}: ${formatCount(ended)} of ${formatCount(total)} tasks, ${counts.running} running${troubles}${again}, ${formatCount(rate)}/s`;
}

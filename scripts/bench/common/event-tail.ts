/** Follows the file that `run --events FILE` appends to: whole lines, as they come. */
import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { systemClock } from "../../../src/base/clock.ts";
import type { StageEvent } from "../../../src/work/pipeline/stages/index.ts";

/** `time` is in milliseconds since the epoch and compares with this process's; `ms` counts from the run's start. */
export type LoggedEvent = StageEvent & { readonly time: number; readonly ms: number; readonly stage: string };

/** Of little weight beside the milliseconds that are measured: times come from the lines, not from their reading. */
const POLL_EVERY_MS = 3;
const READ_BYTES = 256 * 1024;

/** Starts with an empty file. `close` reads what is left. */
export function tailEvents(path: string, take: (event: LoggedEvent) => void): { close(): void } {
  writeFileSync(path, "");
  const fd = openSync(path, "r");
  const buffer = Buffer.alloc(READ_BYTES);
  let rest = "";
  const read = (): void => {
    for (let bytes = readSync(fd, buffer); bytes > 0; bytes = readSync(fd, buffer)) {
      const lines = (rest + buffer.toString("utf8", 0, bytes)).split("\n");
      rest = lines.pop()!;
      for (const line of lines) take(JSON.parse(line) as LoggedEvent); // written by our own event log
    }
  };
  const poll = (): void => {
    read();
    timer = systemClock.after(POLL_EVERY_MS, poll);
  };
  let timer = systemClock.after(POLL_EVERY_MS, poll);
  return {
    close() {
      timer.cancel();
      read();
      closeSync(fd);
    },
  };
}

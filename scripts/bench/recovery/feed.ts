/** Writes a file to a process's standard input at a steady pace. */
import { closeSync, openSync, readSync } from "node:fs";
import type { FileSink } from "bun";
import { pause, systemClock } from "../../../src/base/clock.ts";

const STEP_MS = 10;

/** Ends with the file, or with the process that reads. */
export async function feed(sink: FileSink, path: string, bytesPerSecond: number): Promise<void> {
  const fd = openSync(path, "r");
  const step = Buffer.alloc(Math.ceil((bytesPerSecond * STEP_MS) / 1000));
  const startedMs = systemClock.monotonic();
  try {
    for (let steps = 1; ; steps++) {
      const bytes = readSync(fd, step);
      if (bytes === 0) break;
      await sink.write(step.subarray(0, bytes));
      await sink.flush();
      const aheadMs = startedMs + steps * STEP_MS - systemClock.monotonic();
      if (aheadMs > 0) await pause(systemClock, aheadMs);
    }
    await sink.end();
  } finally {
    closeSync(fd);
  }
}

/**
 * What happens to hosts and batches, a line of JSON each, for whoever measures or watches a run from outside. Each line is
 * written at once and none is synced: the file explains a run and is no part of its state. `time` compares with
 * other processes on the machine, `ms` never goes back.
 */
import { openSync, writeSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { Failure, messageOf } from "../base/errors.ts";
import type { StageEvent } from "../work/pipeline/stages/index.ts";

/** Appends to the file; it is closed with the process. Fails with `events.cannot_open`. */
export function openEventLog(path: string, clock: Clock): (stage: string, event: StageEvent) => void {
  const fd = openToAppend(path);
  const startedMs = clock.monotonic();
  return (stage, event) => {
    const ms = Math.round((clock.monotonic() - startedMs) * 1000) / 1000;
    writeSync(fd, `${JSON.stringify({ time: clock.now(), ms, stage, ...event })}\n`);
  };
}

function openToAppend(path: string): number {
  try {
    return openSync(path, "a");
  } catch (thrown) {
    throw new Failure("events.cannot_open", `cannot write events to ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** What a port mapper in the background has to tell: lines with a time in a file that never grows beyond a bound. */
import { appendFileSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { PMD_PORT_DEFAULT } from "../../cluster/pmd/index.ts";
import { stateDirectory } from "../self.ts";

/** Some ten thousand lines; with the file before it twice as much. */
const LOG_BYTES_MAX = 1024 * 1024;
const TAIL_CHARS = 1_000;

export function pmdLogFile(port: number, dataDir: string | undefined): string {
  return join(stateDirectory(dataDir), port === PMD_PORT_DEFAULT ? "pmd.log" : `pmd-${port}.log`);
}

/** A log that cannot be written is told on standard error once, and the port mapper works on without it. */
export function openPmdLog(path: string): (text: string) => void {
  let isBroken = false;
  return (text) => {
    try {
      rotate(path);
      appendFileSync(path, `${new Date(systemClock.now()).toISOString()} ${text}\n`, { mode: 0o600 });
      isBroken = false;
    } catch (thrown) {
      if (!isBroken) process.stderr.write(`the log ${path} cannot be written: ${messageOf(thrown)}\n`);
      isBroken = true;
    }
  };
}

/** For what the runtime itself may say at a crash. Bounded when it is opened. */
export function openForOutput(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rotate(path);
  return openSync(path, "a", 0o600);
}

export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** What was written behind `fromBytes`, its end. */
export function tailOf(path: string, fromBytes: number): string {
  try {
    return readFileSync(path).subarray(fromBytes).toString("utf8").trim().slice(-TAIL_CHARS);
  } catch {
    return ""; // not there: nothing was written
  }
}

function rotate(path: string): void {
  if (sizeOf(path) > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
}
